-- A small REAPER for the script: a project of one tempo, its items and cursor, files of a folder. It prints what
-- became of the project as one line an item. Arguments: the script, the folder, the project's tempo, the cursor,
-- then the loops that come later, in order.
local script, folder, tempo, cursor = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local visible, items, tracks, deferred, undo, now, looks = {}, {}, {}, nil, 0, 100, 0
local selected, typed, kept = os.getenv("SELECTED") == "1", os.getenv("TYPED"), nil
if selected then tracks[1] = { items = 0 } end

local function length_of(path)
  local file = assert(io.open(path, "rb"))
  local data = file:read("a")
  file:close()
  local rate, at = string.unpack("<I4", data, 25), 13
  local align = string.unpack("<I2", data, 33)
  while at < #data do
    local size = string.unpack("<I4", data, at + 4)
    if data:sub(at, at + 3) == "data" then return size / align / rate end
    at = at + 8 + size + size % 2
  end
end

reaper = {
  EnumerateFiles = function(_, index)
    if index == -1 then
      looks = looks + 1
      return nil
    end
    return visible[index + 1]
  end,
  GetExtState = function(section, key)
    assert(section == "riffsidecar" and key == "folder")
    return typed and (os.getenv("KEPT") or "") or folder
  end,
  SetExtState = function(_, _, value) kept = value end,
  GetUserInputs = function(_, _, _, shown) return true, typed or shown end,
  GetSelectedTrack = function() return selected and tracks[1] or nil end,
  CountTracks = function() return #tracks end,
  InsertTrackAtIndex = function(index) table.insert(tracks, index + 1, { items = 0 }) end,
  GetTrack = function(_, index) return tracks[index + 1] end,
  PCM_Source_CreateFromFile = function(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    file:close()
    return { path = path }
  end,
  GetMediaSourceLength = function(source) return length_of(source.path), false end,
  GetCursorPosition = function() return cursor end,
  SetEditCurPos = function(position) cursor = position end,
  TimeMap2_timeToQN = function(_, seconds) return seconds * tempo / 60 end,
  TimeMap2_QNToTime = function(_, quarters) return quarters * 60 / tempo end,
  AddMediaItemToTrack = function(track)
    local item = {}
    items[#items + 1] = item
    track.items = track.items + 1
    return item
  end,
  AddTakeToMediaItem = function(item)
    item.take = {}
    return item.take
  end,
  SetMediaItemTake_Source = function(take, source) take.source = source end,
  SetMediaItemInfo_Value = function(item, key, value) item[key] = value end,
  SetMediaItemTakeInfo_Value = function(take, key, value) take[key] = value end,
  GetSetMediaItemTakeInfo_String = function(take, key, value) take[key] = value end,
  UpdateItemInProject = function() end,
  UpdateArrange = function() end,
  Undo_BeginBlock = function() undo = undo + 1 end,
  Undo_EndBlock = function() undo = undo - 1 end,
  defer = function(action) deferred = action end,
  time_precise = function() return now end,
}

local names = {}
for index = 5, #arg do names[#names + 1] = arg[index] end
visible = { "old.wav", ".half.wav", "notes.txt" }
dofile(script)
for _, name in ipairs(names) do
  visible[#visible + 1] = name
  for _ = 1, 15 do
    now = now + 1 / 30
    deferred()
  end
end
if typed then assert(kept == folder, kept) end
assert(looks <= 2 + 2 * #names, "the folder is read too often")
for _, item in ipairs(items) do
  print(string.format("%s|%.9f|%.9f|%d|%.9f|%d", item.take.P_NAME, item.D_POSITION, item.D_LENGTH, item.B_LOOPSRC,
    item.take.D_PLAYRATE, item.take.B_PPITCH))
end
print(string.format("cursor|%.9f|%d tracks|%d undo", cursor, #tracks, undo))
