-- riffsidecar for REAPER: puts every finished loop at the edit cursor, exactly as long as its bars.
--
-- Load it once under Actions, New action, Load ReaScript; run it to begin, run it again to end. It watches the
-- folder that "riffsidecar run --out FOLDER" fills. Each new loop goes to the edit cursor on the first selected
-- track (a new one where none is selected), as long as its bars at the project's tempo, looped, and the cursor
-- goes to its end, so that a journey lines up.

local SECTION = "riffsidecar"
local ACID_BYTES = 24
local LOOK_S = 0.25 -- from one look at the folder to the next; REAPER calls thirty times a second
local COLUMNS_PER_QUARTER = 16 -- loops are whole columns, and none is shorter than this part of a quarter

local riffsidecar = {}

-- The tempo that the acid chunk names, in quarter notes a minute; nil where there is none.
function riffsidecar.tempo_of(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local head = file:read(12)
  local tempo
  if head and #head == 12 and head:sub(1, 4) == "RIFF" and head:sub(9, 12) == "WAVE" then
    while not tempo do
      local chunk = file:read(8)
      if not chunk or #chunk < 8 then break end
      local size = string.unpack("<I4", chunk, 5)
      local after = file:seek("cur") + size + size % 2
      if chunk:sub(1, 4) == "acid" and size >= ACID_BYTES then
        local data = file:read(ACID_BYTES)
        if data and #data == ACID_BYTES then tempo = string.unpack("<f", data, ACID_BYTES - 3) end
      end
      file:seek("set", after)
    end
  end
  file:close()
  if tempo and tempo > 0 then return tempo end
end

-- Every loop of a folder, by its path. Hidden files are not loops yet, and behind a draft the loop follows.
function riffsidecar.loops_of(folder)
  local found, index = {}, 0
  -- The list is kept by REAPER until it is asked for with -1.
  reaper.EnumerateFiles(folder, -1)
  while true do
    local name = reaper.EnumerateFiles(folder, index)
    if not name then return found end
    local is_loop = name:sub(1, 1) ~= "." and name:lower():match("%.wav$") and not name:match("_draft_[^_]+$")
    if is_loop then found[folder .. "/" .. name] = true end
    index = index + 1
  end
end

local function target_track()
  local track = reaper.GetSelectedTrack(0, 0)
  if track then return track end
  reaper.InsertTrackAtIndex(reaper.CountTracks(0), true)
  return reaper.GetTrack(0, reaper.CountTracks(0) - 1)
end

-- Put a loop at the edit cursor; return its length in seconds.
function riffsidecar.insert(path)
  local source = reaper.PCM_Source_CreateFromFile(path)
  if not source then return nil end
  local seconds = reaper.GetMediaSourceLength(source)
  local tempo = riffsidecar.tempo_of(path)
  local start = reaper.GetCursorPosition()
  local length = seconds
  if tempo then
    local quarters = math.floor(seconds * tempo / 60 * COLUMNS_PER_QUARTER + 0.5) / COLUMNS_PER_QUARTER
    local begin = reaper.TimeMap2_timeToQN(0, start)
    length = reaper.TimeMap2_QNToTime(0, begin + quarters) - start
  end
  reaper.Undo_BeginBlock()
  local item = reaper.AddMediaItemToTrack(target_track())
  local take = reaper.AddTakeToMediaItem(item)
  reaper.SetMediaItemTake_Source(take, source)
  reaper.SetMediaItemInfo_Value(item, "D_POSITION", start)
  reaper.SetMediaItemInfo_Value(item, "D_LENGTH", length)
  reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 1)
  reaper.SetMediaItemTakeInfo_Value(take, "D_PLAYRATE", seconds / length)
  reaper.SetMediaItemTakeInfo_Value(take, "B_PPITCH", 1)
  local name = path:match("([^/\\]+)%.[^.]+$")
  reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name, true)
  reaper.UpdateItemInProject(item)
  reaper.SetEditCurPos(start + length, false, false)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock("Insert loop " .. name, -1)
  return length
end

-- Insert what is new since the last look.
function riffsidecar.look(state)
  local now = riffsidecar.loops_of(state.folder)
  local fresh = {}
  for path in pairs(now) do
    if not state.known[path] then fresh[#fresh + 1] = path end
  end
  table.sort(fresh)
  for _, path in ipairs(fresh) do
    -- One that cannot be read yet is tried again at the next look.
    if riffsidecar.insert(path) then state.known[path] = true end
  end
end

local function ask_folder()
  local kept = reaper.GetExtState(SECTION, "folder")
  local answered, text = reaper.GetUserInputs("riffsidecar", 1, "Folder of the loops:,extrawidth=240", kept)
  if not answered or text == "" then return nil end
  local home = os.getenv("HOME") or os.getenv("USERPROFILE") or "~"
  local folder = text:gsub("^~", function() return home end):gsub("\\", "/"):gsub("/+$", "")
  reaper.SetExtState(SECTION, "folder", folder, true)
  return folder
end

function riffsidecar.start()
  local folder = ask_folder()
  if not folder then return end
  local state = { folder = folder, known = riffsidecar.loops_of(folder) }
  local next_look = 0
  local function again()
    if reaper.time_precise() >= next_look then
      riffsidecar.look(state)
      next_look = reaper.time_precise() + LOOK_S
    end
    reaper.defer(again)
  end
  again()
end

if RIFFSIDECAR_IS_TESTED then return riffsidecar end
riffsidecar.start()
