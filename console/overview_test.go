package console_test

import (
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"congthu/store"
)

// TestOverviewTellsOfTheGate has what was not inspected, by reason, and the engines, as the gate's metrics say.
func TestOverviewTellsOfTheGate(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Auditor)
	got := w.get("/")
	link := regexp.MustCompile(`<a href="(/messages\?rule=uninspected&amp;since=[^"]+)"><b>10 %</b></a>`).FindStringSubmatch(got.text)
	if got.status != http.StatusOK || link == nil {
		t.Fatalf("%d\n%s", got.status, got.text)
	}
	if got := w.get(strings.ReplaceAll(link[1], "&amp;", "&")); got.status != http.StatusOK {
		t.Errorf("the messages behind it: %d", got.status)
	}
	for _, want := range []string{`<li>encrypted <small>1,0 MiB</small></li>`, `<a href="/system">clamav</a> <span class="pill good">`, `<a href="/system">icap</a> <span class="pill bad">`} {
		if !strings.Contains(got.text, want) {
			t.Errorf("no %s in\n%s", want, got.text)
		}
	}
	if strings.Contains(got.text, "damaged") {
		t.Error("a reason that never was is listed")
	}
}

// TestSystemTellsWhatIsBad has held mail, evidence and workers beside the engines.
func TestSystemTellsWhatIsBad(t *testing.T) {
	page := newBench(t).as(store.Auditor).get("/system").text
	for text, class := range map[string]string{"Có thể giữ thư": "good", "nhật ký chứng cứ nguyên vẹn": "bad", "Có tiến trình kiểm tra tệp": "bad", "Bộ quét icap": "bad", "Bộ quét clamav": "good"} {
		if !regexp.MustCompile(`<span class="pill ` + class + `">[^<]+</span> [^<]*` + text).MatchString(page) {
			t.Errorf("%q is not %s in\n%s", text, class, page)
		}
	}
}

// TestFiguresLeadToTheirMessages follows the links of the overview and counts what is there.
func TestFiguresLeadToTheirMessages(t *testing.T) {
	b := newBench(t)
	b.fill(60, func(int) string { return "w" })
	w := b.as(store.Auditor)
	page := html.UnescapeString(w.get("/").text)
	rows := func(path string) int { return strings.Count(w.get(path).text, `<a href="/messages/0`) }
	clause := regexp.MustCompile(`<a href="(/messages\?clause=9.3&since=[^"]+)">9.3</a></th><td class="n">(\d+)</td><td class="n"><a href="([^"]+)">(\d+)</a>`).FindStringSubmatch(page)
	if clause == nil {
		t.Fatalf("no clause in\n%s", page)
	}
	day := regexp.MustCompile(`<a href="(/messages\?since=[^"]+)" aria-label="[^":]+: (\d+)">`).FindStringSubmatch(page)
	sender := regexp.MustCompile(`<a href="(/messages\?disposition=refuse&[^"]*sender=[^"]+)">[^<]+</a></td><td class="n">(\d+)</td>`).FindStringSubmatch(page)
	if day == nil || sender == nil {
		t.Fatalf("no day or no sender in\n%s", page)
	}
	for _, c := range [][2]string{{clause[1], clause[2]}, {clause[3], clause[4]}, {day[1], day[2]}, {sender[1], sender[2]}} {
		if got := strconv.Itoa(rows(c[0])); got != c[1] {
			t.Errorf("%s has %s messages, and the figure is %s", c[0], got, c[1])
		}
	}
}
