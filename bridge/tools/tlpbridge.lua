-- SPDX-License-Identifier: MIT
--
-- Shows traces of tlpbridge in Wireshark and tshark (4.0 and later).
--
--	tshark -X lua_script:tlpbridge.lua -r trace.pcap
--	tshark -X lua_script:tlpbridge.lua -r trace.pcap -Y 'tlpbridge.tlp.name == "MWr"' -V
--	wireshark -X lua_script:tlpbridge.lua trace.pcap
--
-- or copy it into the plugin folder (Help, About, Folders: Personal Lua Plugins).
-- Packets have link type USER0: a pseudo-header (tlpbridge/trace.h) and the body of
-- a frame (tlpbridge/wire.h), which mostly is a Transaction Layer Packet.
--
-- Fields to filter by are tlpbridge.* and tlpbridge.tlp.*; for example
--	tlpbridge.direction == 1			what the endpoint sent
--	tlpbridge.tlp.address >= 0xfee00000		among it, MSI
--	tlpbridge.tlp.status != 0			failed completions
--	tlpbridge.malformed				cut, undefined, or of a wrong size
-- Time is simulated time; tlpbridge.time_ps has it to the picosecond.

local proto = Proto("tlpbridge", "tlpbridge trace")

local PSEUDO_HEADER = 16
local FRAME_TLP = 7

local directions = { [0] = "host>ep", [1] = "ep>host" }

local frames = {
	[1] = "JOIN", [2] = "GRANT", [3] = "REFUSE", [4] = "HELLO", [5] = "DEVICE",
	[6] = "READY", [7] = "TLP", [10] = "RESET", [11] = "DMA_FAULT", [12] = "GRANT_MEM",
	[13] = "REVOKE", [14] = "REVOKED", [15] = "DIRTY", [18] = "GOODBYE",
	[20] = "EOI",
}

local roles = { [0] = "host", [1] = "endpoint" }
local resets = { [0] = "system", [1] = "hot", [2] = "FLR", [3] = "power" }

local reasons = {
	[0] = "closed by its user", [1] = "protocol versions differ",
	[2] = "a required feature is missing", [3] = "no such device",
	[4] = "the device is in use", [5] = "wrong link token",
	[6] = "the peer broke the protocol", [7] = "the peer is gone",
	[8] = "the peer is silent", [9] = "internal failure",
}

-- Of DMA_FAULT: the errors of tlpbridge/err.h that a host answers with.
local errors = {
	[1] = "invalid argument", [2] = "out of memory", [4] = "timed out", [5] = "link is down",
	[10] = "Unsupported Request", [11] = "Completer Abort", [13] = "poisoned data",
	[14] = "Bus Master Enable is off", [15] = "no such address", [16] = "access denied",
	[18] = "input/output error",
}

local statuses = { [0] = "SC", [1] = "UR", [2] = "CRS", [4] = "CA" }

local routings = {
	[0] = "to root", [1] = "by address", [2] = "by ID", [3] = "broadcast",
	[4] = "local", [5] = "gathered",
}

local messages = {
	[0x00] = "Unlock", [0x10] = "LTR", [0x18] = "PM_PME", [0x19] = "PME_Turn_Off",
	[0x1b] = "PME_TO_Ack",
	[0x20] = "Assert_INTA", [0x21] = "Assert_INTB", [0x22] = "Assert_INTC", [0x23] = "Assert_INTD",
	[0x24] = "Deassert_INTA", [0x25] = "Deassert_INTB", [0x26] = "Deassert_INTC",
	[0x27] = "Deassert_INTD",
	[0x30] = "ERR_COR", [0x31] = "ERR_NONFATAL", [0x33] = "ERR_FATAL",
	[0x50] = "Set_Slot_Power_Limit", [0x7e] = "Vendor_Defined_0", [0x7f] = "Vendor_Defined_1",
}

-- Fields

local f = {}

local function field(key, make, label, ...)
	f[key] = make("tlpbridge." .. key, label, ...)
end

field("version", ProtoField.uint8, "Version")
field("direction", ProtoField.uint8, "Direction", base.DEC, directions)
field("kind", ProtoField.uint16, "Frame", base.DEC, frames)
field("link", ProtoField.uint16, "Link")
field("function", ProtoField.uint16, "Function")
field("time_ps", ProtoField.uint64, "Simulated time (ps)")
field("body", ProtoField.bytes, "Body")

field("role", ProtoField.uint16, "Role", base.DEC, roles)
field("protocol", ProtoField.uint16, "Protocol version")
field("offered", ProtoField.uint64, "Features offered", base.HEX)
field("required", ProtoField.uint64, "Features required", base.HEX)
field("mps", ProtoField.uint16, "Max_Payload_Size")
field("mrrs", ProtoField.uint16, "Max_Read_Request_Size")
field("rcb", ProtoField.uint16, "Read Completion Boundary")
field("name", ProtoField.string, "Name")
field("reset", ProtoField.uint16, "Reset", base.DEC, resets)
field("reason", ProtoField.uint16, "Reason", base.DEC, reasons)
field("text", ProtoField.string, "Text")
field("eoi.pin", ProtoField.uint16, "Pin", base.DEC)
field("fault.sequence", ProtoField.uint32, "Sequence of the write")
field("fault.error", ProtoField.uint16, "Error", base.DEC, errors)
field("fault.address", ProtoField.uint64, "Address", base.HEX)
field("grant.function", ProtoField.uint16, "Function")
field("grant.address", ProtoField.uint64, "Address", base.HEX)
field("grant.length", ProtoField.uint64, "Bytes")

field("tlp.prefix", ProtoField.uint32, "Prefix", base.HEX)
field("tlp.pasid", ProtoField.uint32, "PASID")
field("tlp.pasid_priv", ProtoField.bool, "Privileged Mode Requested")
field("tlp.pasid_exec", ProtoField.bool, "Execute Requested")
field("tlp.name", ProtoField.string, "TLP")
field("tlp.fmt", ProtoField.uint8, "Fmt", base.HEX)
field("tlp.type", ProtoField.uint8, "Type", base.HEX)
field("tlp.tc", ProtoField.uint8, "Traffic Class")
field("tlp.ido", ProtoField.bool, "ID-based ordering")
field("tlp.ro", ProtoField.bool, "Relaxed ordering")
field("tlp.ns", ProtoField.bool, "No snoop")
field("tlp.th", ProtoField.bool, "TLP hints")
field("tlp.td", ProtoField.bool, "Digest")
field("tlp.ep", ProtoField.bool, "Poisoned")
field("tlp.at", ProtoField.uint8, "Address Type")
field("tlp.length_dw", ProtoField.uint16, "Length (DW)")
field("tlp.requester_id", ProtoField.uint16, "Requester ID", base.HEX)
field("tlp.tag", ProtoField.uint16, "Tag")
field("tlp.first_be", ProtoField.uint8, "First DW byte enables", base.HEX)
field("tlp.last_be", ProtoField.uint8, "Last DW byte enables", base.HEX)
field("tlp.address", ProtoField.uint64, "Address", base.HEX)
field("tlp.ph", ProtoField.uint8, "Processing hint")
field("tlp.dest_id", ProtoField.uint16, "Destination ID", base.HEX)
field("tlp.reg_offset", ProtoField.uint16, "Register offset", base.HEX)
field("tlp.routing", ProtoField.uint8, "Routing", base.DEC, routings)
field("tlp.message_code", ProtoField.uint8, "Message code", base.HEX, messages)
field("tlp.dw2", ProtoField.uint32, "Third doubleword", base.HEX)
field("tlp.dw3", ProtoField.uint32, "Fourth doubleword", base.HEX)
field("tlp.completer_id", ProtoField.uint16, "Completer ID", base.HEX)
field("tlp.status", ProtoField.uint8, "Completion Status", base.DEC, statuses)
field("tlp.bcm", ProtoField.bool, "Byte Count Modified")
field("tlp.byte_count", ProtoField.uint16, "Byte Count")
field("tlp.lower_address", ProtoField.uint8, "Lower Address", base.HEX)
field("tlp.payload", ProtoField.bytes, "Data")
field("tlp.ecrc", ProtoField.uint32, "ECRC", base.HEX)

local all = {}
for _, one in pairs(f) do
	all[#all + 1] = one
end
proto.fields = all

local malformed = ProtoExpert.new("tlpbridge.malformed", "Malformed", expert.group.MALFORMED,
				  expert.severity.ERROR)
proto.experts = { malformed }

-- Text

local function bdf(id)
	return string.format("%02x:%02x.%x", math.floor(id / 256), math.floor(id / 8) % 32, id % 8)
end

local function hex64(value)
	return "0x" .. value:tohex():gsub("^0+(%x)", "%1")
end

local function bytes_text(n)
	return string.format("%d byte%s", n, n == 1 and "" or "s")
end

-- Which bytes of a doubleword are enabled: offsets of the lowest and the highest.
local function lowest(be)
	for i = 0, 3 do
		if math.floor(be / 2 ^ i) % 2 == 1 then
			return i
		end
	end
	return 0
end

local function highest(be)
	for i = 3, 0, -1 do
		if math.floor(be / 2 ^ i) % 2 == 1 then
			return i
		end
	end
	return 0
end

local function request_bytes(length_dw, first_be, last_be)
	if first_be == 0 and last_be == 0 then
		return length_dw == 1 and 0 or 4 * length_dw
	elseif last_be == 0 then
		return highest(first_be) - lowest(first_be) + 1
	end
	return 4 * length_dw - lowest(first_be) - (3 - highest(last_be))
end

-- Each layout adds its fields to the tree and returns text for the info column.
-- hdr is the header as a range: it is complete.

local function requester(tree, hdr, at, common)
	local id = hdr(at, 2):uint()
	local tag = common.tag_high + hdr(at + 2, 1):uint()

	tree:add(f["tlp.requester_id"], hdr(at, 2), id):append_text(" (" .. bdf(id) .. ")")
	tree:add(f["tlp.tag"], hdr(at + 2, 1), tag)
	return string.format("req %s tag %d", bdf(id), tag)
end

local function byte_enables(tree, hdr)
	local first, last = hdr(7, 1):bitfield(4, 4), hdr(7, 1):bitfield(0, 4)

	tree:add(f["tlp.first_be"], hdr(7, 1), first)
	tree:add(f["tlp.last_be"], hdr(7, 1), last)
	return first, last
end

local function address_layout(tree, hdr, common)
	local who = requester(tree, hdr, 4, common)
	local first, last = byte_enables(tree, hdr)
	local at = hdr:len() == 16 and hdr(8, 8) or hdr(8, 4)
	local low = hdr(hdr:len() - 4, 4):uint()
	local high = hdr:len() == 16 and hdr(8, 4):uint() or 0
	local address = UInt64.new(low - low % 4, high)
	local count = request_bytes(common.length_dw, first, last)

	tree:add(f["tlp.address"], at, address)
	if common.th then
		tree:add(f["tlp.ph"], hdr(hdr:len() - 1, 1), low % 4)
	end
	if common.atomic or (common.th and not common.data) then	-- no byte enables
		return string.format("%s %s, %s", hex64(address), bytes_text(4 * common.length_dw), who)
	end
	return string.format("%s %s, %s", hex64(address + UInt64.new(lowest(first), 0)),
			     bytes_text(count), who)
end

local function config_layout(tree, hdr, common)
	local who = requester(tree, hdr, 4, common)
	local first, last = byte_enables(tree, hdr)
	local id, reg = hdr(8, 2):uint(), hdr(10, 2):bitfield(4, 12)

	reg = reg - reg % 4
	tree:add(f["tlp.dest_id"], hdr(8, 2), id):append_text(" (" .. bdf(id) .. ")")
	tree:add(f["tlp.reg_offset"], hdr(10, 2), reg)
	return string.format("%s reg 0x%x %s, %s", bdf(id), reg + lowest(first),
			     bytes_text(request_bytes(common.length_dw, first, last)), who)
end

local function message_layout(tree, hdr, common)
	local who = requester(tree, hdr, 4, common)
	local routing, code = hdr(0, 1):bitfield(5, 3), hdr(7, 1):uint()

	tree:add(f["tlp.routing"], hdr(0, 1), routing)
	tree:add(f["tlp.message_code"], hdr(7, 1), code)
	tree:add(f["tlp.dw2"], hdr(8, 4), hdr(8, 4):uint())
	tree:add(f["tlp.dw3"], hdr(12, 4), hdr(12, 4):uint())
	return string.format("%s %s, %s", messages[code] or string.format("code 0x%02x", code),
			     routings[routing] or "reserved routing", who)
end

local function completion_layout(tree, hdr, common)
	local id, status = hdr(4, 2):uint(), hdr(6, 1):bitfield(0, 3)
	local count = hdr(6, 2):bitfield(4, 12)
	local lower = hdr(11, 1):bitfield(1, 7)

	if count == 0 then
		count = 4096
	end
	tree:add(f["tlp.completer_id"], hdr(4, 2), id):append_text(" (" .. bdf(id) .. ")")
	tree:add(f["tlp.status"], hdr(6, 1), status)
	tree:add(f["tlp.bcm"], hdr(6, 1), hdr(6, 1):bitfield(3, 1) == 1)
	tree:add(f["tlp.byte_count"], hdr(6, 2), count)
	local who = requester(tree, hdr, 8, common)
	tree:add(f["tlp.lower_address"], hdr(11, 1), lower)
	return string.format("%s count %d lower 0x%02x, cpl %s %s", statuses[status] or "reserved",
			     count, lower, bdf(id), who)
end

-- Fmt and Type, with the bits that vary within a kind set to 0 (4DW header,
-- routing), as in the base specification's table of TLP types.

local kinds = {
	[0x00] = { "MRd", address_layout }, [0x01] = { "MRdLk", address_layout },
	[0x40] = { "MWr", address_layout }, [0x5b] = { "DMWr", address_layout },
	[0x4c] = { "FetchAdd", address_layout }, [0x4d] = { "Swap", address_layout },
	[0x4e] = { "CAS", address_layout },
	[0x02] = { "IORd", address_layout }, [0x42] = { "IOWr", address_layout },
	[0x04] = { "CfgRd0", config_layout }, [0x05] = { "CfgRd1", config_layout },
	[0x44] = { "CfgWr0", config_layout }, [0x45] = { "CfgWr1", config_layout },
	[0x30] = { "Msg", message_layout }, [0x70] = { "MsgD", message_layout },
	[0x0a] = { "Cpl", completion_layout }, [0x4a] = { "CplD", completion_layout },
	[0x0b] = { "CplLk", completion_layout }, [0x4b] = { "CplDLk", completion_layout },
}

local function kind_of(fmt, type)
	if type >= 0x10 and type <= 0x17 then
		return kinds[fmt * 32 + 0x10]
	end
	local kind = kinds[math.floor(fmt / 2) * 64 + type]
	local both = type <= 0x01 or (type >= 0x0c and type <= 0x0e) or type == 0x1b

	-- I/O, configuration and completions have no 4DW form.
	if fmt > 3 or (fmt % 2 == 1 and not both) then
		return nil
	end
	return kind
end

local function complain(tree, range, text)
	tree:add_proto_expert_info(malformed, text)
	return "malformed: " .. text
end

local function prefixes(tree, tlp)
	local at, text = 0, ""

	while tlp:len() - at >= 4 and tlp(at, 1):bitfield(0, 3) == 4 do
		local range = tlp(at, 4)
		local item = tree:add(f["tlp.prefix"], range, range:uint())

		if tlp(at, 1):uint() == 0x91 then
			local pasid = range:bitfield(12, 20)

			item:add(f["tlp.pasid"], range, pasid)
			item:add(f["tlp.pasid_priv"], range, range:bitfield(10, 1) == 1)
			item:add(f["tlp.pasid_exec"], range, range:bitfield(11, 1) == 1)
			text = text .. string.format(" PASID 0x%x", pasid)
		end
		at = at + 4
	end
	return at, text
end

-- The first doubleword, which every header has.
local function first_dw(tree, hdr, kind)
	local dw = hdr(0, 4)
	local length = dw:bitfield(22, 10)
	local common = {
		data = dw:bitfield(1, 1) == 1,
		tag_high = dw:bitfield(8, 1) * 512 + dw:bitfield(12, 1) * 256,
		td = dw:bitfield(16, 1) == 1,
		ep = dw:bitfield(17, 1) == 1,
		th = dw:bitfield(15, 1) == 1,
		atomic = dw:bitfield(3, 5) >= 0x0c and dw:bitfield(3, 5) <= 0x0e,
	}

	tree:add(f["tlp.fmt"], hdr(0, 1), dw:bitfield(0, 3))
	tree:add(f["tlp.type"], hdr(0, 1), dw:bitfield(3, 5))
	tree:add(f["tlp.tc"], hdr(1, 1), dw:bitfield(9, 3))
	tree:add(f["tlp.ido"], hdr(1, 1), dw:bitfield(13, 1) == 1)
	tree:add(f["tlp.th"], hdr(1, 1), common.th)
	tree:add(f["tlp.td"], hdr(2, 1), common.td)
	tree:add(f["tlp.ep"], hdr(2, 1), common.ep)
	tree:add(f["tlp.ro"], hdr(2, 1), dw:bitfield(18, 1) == 1)
	tree:add(f["tlp.ns"], hdr(2, 1), dw:bitfield(19, 1) == 1)
	tree:add(f["tlp.at"], hdr(2, 1), dw:bitfield(20, 2))
	if length == 0 then
		length = 1024
	end
	-- Reserved where there is neither data nor a request for it.
	if kind and not common.data and (kind[2] == message_layout or kind[2] == completion_layout) then
		length = 0
	end
	common.length_dw = length
	tree:add(f["tlp.length_dw"], hdr(2, 2), length)
	return common
end

-- Data and digest behind the header.
local function rest(tree, tlp, at, common)
	local want = common.data and 4 * common.length_dw or 0
	local left = tlp:len() - at
	local digest = common.td and 4 or 0
	local text = ""

	if want > 0 and left > 0 then
		tree:add(f["tlp.payload"], tlp(at, math.min(want, left)))
	end
	if left ~= want + digest then
		return " " .. complain(tree, tlp, string.format(
			"SIZE_MISMATCH, %d bytes follow the header, not %d", left, want + digest))
	end
	if digest > 0 then
		tree:add(f["tlp.ecrc"], tlp(at + want, 4), tlp(at + want, 4):uint())
	end
	return text
end

local function dissect_tlp(tlp, tree)
	local at, prefix_text = prefixes(tree, tlp)

	if tlp:len() - at < 12 then
		return complain(tree, tlp, "TRUNCATED, shorter than a header")
	end
	local fmt, type = tlp(at, 1):bitfield(0, 3), tlp(at, 1):bitfield(3, 5)
	local kind = kind_of(fmt, type)
	local size = (fmt == 1 or fmt == 3) and 16 or 12

	if tlp:len() - at < size then
		return complain(tree, tlp, "TRUNCATED, shorter than a header")
	end
	local hdr = tlp(at, size)
	if not kind then
		first_dw(tree, hdr, nil)
		return complain(tree, hdr, string.format("UNDEFINED_FMT_TYPE %x/%02x", fmt, type))
	end
	tree:add(f["tlp.name"], hdr(0, 1), kind[1])
	local common = first_dw(tree, hdr, kind)
	local text = kind[1] .. " " .. kind[2](tree, hdr, common) .. prefix_text
	if common.ep then
		text = text .. " poisoned"
	end
	return text .. rest(tree, tlp, at + size, common)
end

-- Other frames. A body may be shorter than it should be.

local function string_at(body, at)
	if body:len() < at + 2 then
		return nil
	end
	local len = body(at, 2):le_uint()
	if len == 0 or body:len() < at + 2 + len then
		return nil
	end
	return body(at + 2, len)
end

local function add_string(tree, key, range)
	if not range then
		return ""
	end
	-- Not :string(), whose bytes of a peer need not be UTF-8.
	local text = range:raw():gsub("[^\32-\126]", "?")
	tree:add(f[key], range, text)
	return text
end

local bodies = {}

bodies[4] = { 62, function(tree, body)
	local role = body(6, 2):le_uint()

	tree:add_le(f.protocol, body(4, 2))
	tree:add_le(f.role, body(6, 2))
	tree:add_le(f.offered, body(8, 8))
	tree:add_le(f.required, body(16, 8))
	tree:add_le(f.mps, body(40, 2))
	tree:add_le(f.mrrs, body(42, 2))
	tree:add_le(f.rcb, body(44, 2))
	return string.format("from %s \"%s\"", roles[role] or "?",
			     add_string(tree, "name", string_at(body, 60)))
end }

bodies[10] = { 2, function(tree, body)
	tree:add_le(f.reset, body(0, 2))
	return resets[body(0, 2):le_uint()] or "of unknown kind"
end }

bodies[11] = { 16, function(tree, body)
	local reason = body(4, 2):le_uint()

	tree:add_le(f["fault.sequence"], body(0, 4))
	tree:add_le(f["fault.error"], body(4, 2))
	tree:add_le(f["fault.address"], body(8, 8))
	return string.format("at %s: %s", hex64(body(8, 8):le_uint64()), errors[reason] or "error")
end }

local function add_range(tree, body, function_at, address_at)
	tree:add_le(f["grant.function"], body(function_at, 2))
	tree:add_le(f["grant.address"], body(address_at, 8))
	tree:add_le(f["grant.length"], body(address_at + 8, 8))
	return string.format("function %d: %s, %s bytes", body(function_at, 2):le_uint(),
			     hex64(body(address_at, 8):le_uint64()), tostring(body(address_at + 8, 8):le_uint64()))
end

bodies[12] = { 40, function(tree, body)
	return "to " .. add_range(tree, body, 0, 16) .. (body(2, 2):le_uint() % 2 == 1 and ", read and write" or ", read")
end }

bodies[13] = { 24, function(tree, body)
	return string.format("%d of %s", body(0, 4):le_uint(), add_range(tree, body, 4, 8))
end }

bodies[14] = { 4, function(tree, body)
	return tostring(body(0, 4):le_uint())
end }

bodies[15] = { 28, function(tree, body)
	local ranges = body(0, 2):le_uint()
	local text = "by " .. add_range(tree, body, 4, 12)

	return ranges > 1 and string.format("%s and %d more", text, ranges - 1) or text
end }

bodies[18] = { 2, function(tree, body)
	local reason = body(0, 2):le_uint()
	local why = reasons[reason] or "unknown reason"

	tree:add_le(f.reason, body(0, 2))

	local said = add_string(tree, "text", string_at(body, 2))
	return said == why and why or why .. ": " .. said
end }

bodies[20] = { 2, function(tree, body)
	tree:add_le(f["eoi.pin"], body(0, 2))
	return "of INT" .. string.char(65 + body(0, 2):le_uint() % 4)
end }

local function dissect_frame(kind, body, tree)
	local name = frames[kind] or string.format("frame kind %d", kind)
	local known = bodies[kind]

	if not body then
		return name
	end
	tree:add(f.body, body)
	if not known then
		return name
	elseif body:len() < known[1] then
		return name .. " " .. complain(tree, body, "the body is too short")
	end
	return name .. " " .. known[2](tree, body)
end

local function dissect_body(kind, body, tree)
	if kind ~= FRAME_TLP then
		return dissect_frame(kind, body, tree)
	elseif not body then
		return complain(tree, nil, "TRUNCATED, no TLP")
	end
	return dissect_tlp(body, tree)
end

function proto.dissector(tvb, pinfo, root)
	local tree = root:add(proto, tvb())

	pinfo.cols.protocol = "tlpbridge"
	if tvb:len() < PSEUDO_HEADER then
		pinfo.cols.info = complain(tree, tvb(), "shorter than the pseudo-header")
		return
	end
	local direction, kind = tvb(1, 1):uint(), tvb(2, 2):le_uint()

	tree:add(f.version, tvb(0, 1))
	tree:add(f.direction, tvb(1, 1))
	tree:add_le(f.kind, tvb(2, 2))
	tree:add_le(f.link, tvb(4, 2))
	tree:add_le(f["function"], tvb(6, 2))
	tree:add_le(f.time_ps, tvb(8, 8))
	pinfo.cols.src = direction == 0 and "host" or "ep"
	pinfo.cols.dst = direction == 0 and "ep" or "host"
	if tvb(0, 1):uint() ~= 1 then
		pinfo.cols.info = complain(tree, tvb(0, 1), "unknown version of the pseudo-header")
		return
	end
	local body = tvb:len() > PSEUDO_HEADER and tvb(PSEUDO_HEADER) or nil
	local text = dissect_body(kind, body, tree)

	if kind == FRAME_TLP then
		pinfo.cols.protocol = "TLP"
	end
	pinfo.cols.info = text
	tree:append_text(", " .. text)
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, proto)
