-- Two messages on one connection, as OpenDKIM's milter tester speaks: one refused, one accepted.

-- miltertest does not print what a script's error says.
function fail(what)
	mt.echo(what)
	error(what)
end

conn = mt.connect(socket)
if conn == nil then fail("connecting failed") end
if mt.conninfo(conn, "mail.example.org", "192.0.2.7") ~= nil then fail("conninfo failed") end
if mt.helo(conn, "client.example.org") ~= nil then fail("helo failed") end

function message(from, subject)
	mt.macro(conn, SMFIC_MAIL, "{auth_authen}", "minh", "i", "4XyZ")
	if mt.mailfrom(conn, from, "SIZE=100") ~= nil then fail("mailfrom failed") end
	if mt.rcptto(conn, "<b@example.vn>") ~= nil then fail("rcptto failed") end
	if mt.data(conn) ~= nil then fail("data failed") end
	if mt.header(conn, "Subject", subject) ~= nil then fail("header failed") end
	if mt.header(conn, "Congthu-Id", "forged") ~= nil then fail("header failed") end
	if mt.eoh(conn) ~= nil then fail("eoh failed") end
	if mt.bodystring(conn, "one\r\ntwo\r\n") ~= nil then fail("body failed") end
	if mt.eom(conn) ~= nil then fail("eom failed") end
end

message("<a@example.org>", "refuse")
if mt.getreply(conn) ~= SMFIR_REPLYCODE then fail("the first message is not refused") end

message("<c@example.org>", "tag")
if mt.getreply(conn) ~= SMFIR_CONTINUE then fail("the second message is not accepted") end
if not mt.eom_check(conn, MT_HDRINSERT, "Congthu-Verdict") then fail("no verdict field") end
if not mt.eom_check(conn, MT_HDRINSERT, "Congthu-Id") then fail("no id field") end
if not mt.eom_check(conn, MT_HDRDELETE, "Congthu-Id") then fail("the forged field stays") end
mt.disconnect(conn)
