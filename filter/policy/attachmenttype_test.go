package policy

import (
	"strings"
	"testing"

	"congthu/filter"
)

func TestAttachmentTypeKeys(t *testing.T) {
	settings := map[string]filter.Setting{"attachment-type": {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse},
		"free-mail": {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Accept}}
	c, err := Parse("a.yml", []byte("rules:\n  attachment-type: {add: [.HTML, '*.img', appref-ms], except: [xlsm], macros_inbound: tag}\n  free-mail: {add: [Example.COM], except: ['@a.test']}\n"), settings)
	if err != nil {
		t.Fatal(err)
	}
	r, free := c.Rules["attachment-type"], c.Rules["free-mail"]
	if len(r.Add) != 3 || r.Add[0] != "html" || r.Add[1] != "img" || r.Add[2] != "appref-ms" || r.Except[0] != "xlsm" {
		t.Errorf("add %q, except %q", r.Add, r.Except)
	}
	if filter.Disposition(r.MacrosInbound) != filter.Tag || filter.Disposition(r.MacrosOutbound) != filter.Tag {
		t.Errorf("macros: %v out, %v in", r.MacrosOutbound, r.MacrosInbound)
	}
	if free.Add[0] != "example.com" || free.Except[0] != "a.test" {
		t.Errorf("free-mail: add %q, except %q", free.Add, free.Except)
	}
	for conf, want := range map[string]string{
		"rules: {attachment-type: {add: [a.exe]}}":                "a.yml:1:33: rules.attachment-type.add[0]: ",
		"rules: {attachment-type: {except: ['e xe']}}":            "rules.attachment-type.except[0]",
		"rules: {free-mail: {add: [gmail]}}":                      "a.yml:1:27: rules.free-mail.add[0]: ",
		"rules: {free-mail: {macros_inbound: tag}}":               "is no key of this rule",
		"rules: {attachment-type: {forwarded: hold}}":             "is no key of this rule",
		"rules: {attachment-type: {macros_outbound: quarantine}}": "no disposition",
	} {
		if _, err := Parse("a.yml", []byte(conf), settings); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, wanted %q", conf, err, want)
		}
	}
}
