package console_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"congthu/filter/evidence"
	"congthu/internal/peer"
	"congthu/store"
)

// window is a real browser, and what it complained about.
type window struct {
	t    *testing.T
	ctx  context.Context
	home string

	mu         sync.Mutex
	complaints []string
}

func newWindow(t *testing.T, home string) *window {
	t.Helper()
	program, err := exec.LookPath("chromium")
	peer.Need(t, err == nil, "a browser (Debian package chromium)")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(ctx)
	w := &window{t: t, ctx: ctx, home: home}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error("closing the browser:", err)
		}
		stop()
		cancel()
	})
	if err := chromedp.Listen(ctx, w.listen); err != nil {
		t.Fatal("starting the browser:", err)
	}
	call(w, network.Enable, network.EnableParams{})
	call(w, log.Enable, cdp.Empty{})
	call(w, runtime.Enable, cdp.Empty{})
	return w
}

// call gives the browser a command of its protocol.
func call[P, R any](w *window, command cdp.Command[P, R], params P) {
	w.t.Helper()
	if _, err := chromedp.Call(w.ctx, command, params); err != nil {
		w.t.Fatalf("in the browser: %s: %v", command.Method, err)
	}
}

// value is what an action is about.
func value[T any](w *window, action chromedp.Action[T]) T {
	w.t.Helper()
	v, err := chromedp.Run(w.ctx, action)
	if err != nil {
		w.t.Fatalf("in the browser: %v", err)
	}
	return v
}

// listen notes errors of scripts, violations of the security policy, and requests that leave the console.
func (w *window) listen(ev any) {
	complain := func(format string, args ...any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.complaints = append(w.complaints, fmt.Sprintf(format, args...))
	}
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		complain("script: %s", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		complain("console: %s", e.Type)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			complain("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, w.home) && !strings.HasPrefix(u, "data:") && u != "about:blank" {
			complain("a request to %s", u)
		}
	}
}

func (w *window) run(actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		w.t.Fatalf("in the browser: %v", err)
	}
}

// quiet fails when the browser complained.
func (w *window) quiet(where string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.complaints {
		w.t.Errorf("%s: %s", where, c)
	}
	w.complaints = nil
}

// as signs somebody in, by the cookie of a session.
func (w *window) as(b *browser, language, theme string) {
	w.t.Helper()
	home, err := url.Parse(w.home)
	if err != nil {
		w.t.Fatal(err)
	}
	yes := true
	set := func(name, value string) {
		call(w, network.SetCookie, network.SetCookieParams{Name: name, Value: value, Domain: home.Hostname(), Path: "/", HTTPOnly: &yes})
	}
	call(w, network.ClearBrowserCookies, cdp.Empty{})
	set("congthu_language", language)
	set("congthu_theme", theme)
	for _, c := range b.client.Jar.Cookies(home) {
		set(c.Name, c.Value)
	}
}

// inManual are the screenshots that docs/console.md shows.
func inManual() []string {
	return []string{"officer-vi-light-", "officer-vi-light-held", "officer-en-light-held-01HELD0001", "administrator-vi-light-statistics-by-unit", "officer-en-dark-", "phone-held", "sender-vi-light-sent-01HELD0001"}
}

// picture keeps a screenshot in the folder CONGTHU_SCREENSHOTS: those of the manual, or with CONGTHU_SCREENSHOTS_ALL every
// one.
func (w *window) picture(name string) {
	w.t.Helper()
	dir := os.Getenv("CONGTHU_SCREENSHOTS")
	if dir == "" || !slices.Contains(inManual(), name) && os.Getenv("CONGTHU_SCREENSHOTS_ALL") == "" {
		return
	}
	name = strings.TrimSuffix(name, "-")
	if err := os.WriteFile(filepath.Join(dir, name+".png"), value(w, chromedp.FullScreenshot(100)), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// TestPagesInABrowser walks every page as every role, in both languages and themes.
func TestPagesInABrowser(t *testing.T) {
	b := newBench(t)
	ids := b.fill(90, func(int) string { return "thuong" })
	people := map[store.Role]*browser{store.Reviewer: b.officer(), store.Administrator: b.as(store.Administrator), store.Auditor: b.as(store.Auditor),
		store.Sender: b.person(store.User{Name: "phong1", Display: "Phạm Thị Thu", Role: store.Sender, Address: "phong1@monre.gov.vn"})}
	b.holdSome(6, "thuong")
	b.confirmed("01HELD0002", "đã đăng trên cổng thông tin điện tử của Bộ")
	w := newWindow(t, b.server.URL)
	pages := []string{"/", "/messages", "/messages/" + ids[0], "/messages/" + ids[5], "/held", "/held/01HELD0001", "/exceptions", "/statistics?by=unit", "/policy", "/policy/try?edit=yes", "/evidence", "/system", "/people", "/tokens", "/account", "/nowhere"}
	for role, who := range people {
		for _, look := range []struct{ language, theme string }{{"vi", "light"}, {"en", "dark"}, {"vi", "dark"}, {"en", "light"}} {
			if role == store.Auditor && look.theme == "dark" {
				continue // sees nothing that others do not
			}
			w.as(who, look.language, look.theme)
			mine := pages
			if role == store.Sender {
				mine = []string{"/", "/sent", "/sent/01HELD0001", "/sent/01NONE", "/account"}
			}
			for _, path := range mine {
				w.run(chromedp.Navigate(b.server.URL + path))
				lang := value(w, chromedp.Evaluate[string](`document.documentElement.lang`))
				heading := value(w, chromedp.Text(chromedp.CSS("h1")))
				dark := value(w, chromedp.Evaluate[string](`document.documentElement.dataset.theme`))
				wide := value(w, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > window.innerWidth`))
				if lang != look.language || heading == "" || dark != look.theme || wide {
					t.Errorf("%s as %s: language %q, heading %q, theme %q, too wide %v", path, role, lang, heading, dark, wide)
				}
				w.picture(fmt.Sprintf("%s-%s-%s-%s", role, look.language, look.theme, strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(path), "-")))
				w.refusals()
				w.quiet(path + " as " + string(role))
			}
		}
	}
}

// refusals takes the browser's notes of answers 400, 403 and 404 away: they are what was asked for.
func (w *window) refusals() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var left []string
	for _, c := range w.complaints {
		if !strings.Contains(c, "the server responded with a status of 40") {
			left = append(left, c)
		}
	}
	w.complaints = left
}

// TestPhone holds every page to the width of a telephone.
func TestPhone(t *testing.T) {
	b := newBench(t)
	ids := b.fill(40, func(int) string { return strings.Repeat("w", 60) })
	officer, admin := b.officer(), b.as(store.Administrator)
	sender := b.person(store.User{Name: "phong1", Role: store.Sender, Address: "phong1@monre.gov.vn"})
	b.holdSome(4, strings.Repeat("w", 60))
	b.confirmed("01HELD0001", strings.Repeat("w", 300))
	w := newWindow(t, b.server.URL)
	w.run(chromedp.EmulateViewport(375, 740, chromedp.EmulateMobile))
	for who, pages := range map[*browser][]string{
		officer: {"/", "/messages", "/messages/" + ids[7], "/held", "/held/01HELD0001", "/exceptions", "/statistics", "/policy", "/policy/try?edit=yes", "/evidence", "/system", "/account"},
		admin:   {"/people", "/tokens"},
		sender:  {"/sent", "/sent/01HELD0001"},
	} {
		w.as(who, "vi", "light")
		for _, path := range pages {
			w.run(chromedp.Navigate(b.server.URL + path))
			over := value(w, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
			if over > 0 {
				t.Errorf("%s is %d pixels wider than a telephone", path, over)
			}
			w.picture("phone-" + strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(path), "-"))
			w.quiet(path)
		}
	}
}

// TestReleaseInFourClicks goes from the first page to the release of a held message.
func TestReleaseInFourClicks(t *testing.T) {
	b := newBench(t)
	var sink peer.Sink
	if err := sink.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	b.release = sink.Addr
	officer := b.officer()
	b.held("01HOLD", mail, false)
	w := newWindow(t, b.server.URL)
	w.as(officer, "vi", "light")
	clicks := 0
	click := func(selector string) chromedp.Action[chromedp.Void] {
		clicks++
		return chromedp.Click(chromedp.CSS(selector))
	}
	w.run(chromedp.Navigate(b.server.URL),
		click(`a[href="/held/01HOLD"]`),
		chromedp.WaitVisible(chromedp.CSS(`input[name=passphrase]`)),
		chromedp.SendKeys(chromedp.CSS(`input[name=passphrase]`), passphrase),
		click(`form[action="/held/unlock"] button`),
		chromedp.WaitVisible(chromedp.CSS(`button[value=release]`)),
		chromedp.SendKeys(chromedp.CSS(`main input[name=reason]`), "đã hỏi phòng gửi"),
		click(`button[value=release]`),
		chromedp.WaitNotPresent(chromedp.CSS(`button[value=release]`)))
	if clicks > 4 {
		t.Errorf("it took %d clicks", clicks)
	}
	if h, err := b.store.Show(t.Context(), "01HOLD"); err != nil || h.State != store.StateReleased {
		t.Errorf("then it is %+v, %v", h, err)
	}
	if got := sink.Count(); got != 1 {
		t.Errorf("the server got %d messages, want 1", got)
	}
	w.quiet("releasing")
}

// TestConfirmingInABrowser goes, in both languages, from the notice's link over the sign-in to the sender's word.
func TestConfirmingInABrowser(t *testing.T) {
	b := newBench(t)
	b.officer()
	sender := b.person(store.User{Name: "an", Role: store.Sender, Address: "an@monre.gov.vn"})
	w := newWindow(t, b.server.URL)
	for language, says := range map[string]string{"vi": "Đã ghi nhận xác nhận", "en": "Your word is on record"} {
		id := "01HOLD" + strings.ToUpper(language)
		b.held(id, mail+id, language == "vi")
		w.as(sender, language, "light")
		w.run(chromedp.Navigate(b.server.URL+"/sent/"+id),
			chromedp.SendKeys(chromedp.CSS(`input[name=reason]`), "đã công bố"),
			chromedp.Click(chromedp.CSS(`main button.main`)),
			chromedp.WaitNotPresent(chromedp.CSS(`input[name=reason]`)))
		if got := value(w, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(got, says) || !strings.Contains(got, "đã công bố") {
			t.Errorf("in %s the page says %q", language, got)
		}
		if h, err := b.store.Show(t.Context(), id); err != nil || h.Confirmation.Reason != "đã công bố" || h.State != store.StateHeld {
			t.Errorf("then it is %+v, %v", h, err)
		}
		w.quiet("confirming in " + language)
	}
}

// TestFirstStartInABrowser makes the first administrator's account by the link that the gate prints, whose code the page
// fills in.
func TestFirstStartInABrowser(t *testing.T) {
	b := newBench(t)
	code := b.firstCode()
	w := newWindow(t, b.server.URL)
	w.run(chromedp.Navigate(b.server.URL+"/setup#"+code), chromedp.WaitVisible(chromedp.CSS(`input[name=name]`)))
	value(w, chromedp.Poll[bool](`document.getElementById("code").value !== ""`))
	if address := value(w, chromedp.Location()); strings.Contains(address, code) {
		t.Errorf("the code stays in the address: %s", address)
	}
	w.run(chromedp.SendKeys(chromedp.CSS(`input[name=name]`), "quan.tri"),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), password),
		chromedp.SendKeys(chromedp.CSS(`input[name=again]`), password),
		chromedp.Click(chromedp.CSS(`main button.main`)),
		chromedp.WaitVisible(chromedp.CSS(`form[action="/account/password"]`)),
		chromedp.Click(chromedp.CSS(`nav a[href="/policy"]`)),
		chromedp.WaitVisible(chromedp.CSS(`table.config`)))
	w.quiet("the first start")
}

// navigate and evaluate are what most tests ask of a page.
func navigate(address string) chromedp.Action[chromedp.Void] { return chromedp.Navigate(address) }

func evaluate(expression string) chromedp.Action[bool] { return chromedp.Evaluate[bool](expression) }

// TestLongAddresses holds the overview's cards to their own width: a long address breaks, and figures beside it stay in sight.
func TestLongAddresses(t *testing.T) {
	b := newBench(t)
	officer := b.officer()
	const long = "phong.cong.nghe.thong.tin.va.chuyen.doi.so@tong-cuc-quan-ly-dat-dai.monre.gov.vn"
	for i := range 4 {
		v := b.verdict1(0, "w")
		v.ReversePath = fmt.Sprintf("%d.%s", i, long)
		b.append(evidence.Record{Kind: evidence.KindVerdict, Verdict: v})
		_, err := b.store.Hold(t.Context(), store.Hold{ID: fmt.Sprintf("01LONG%d", i), Time: b.Now(), Expires: b.Now().Add(time.Hour), Door: "milter", Direction: "outbound", ReversePath: v.ReversePath,
			Recipients: []string{long}, Rules: []store.Rule{{Name: "uninspected", Clause: "10.1"}, {Name: "custom:phong-ban-chua-dang-ky", Clause: "11.5"}}}, strings.NewReader(fmt.Sprintf("X: %d\r\n\r\n", i)))
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.store.Rebuild(t.Context(), b.log.Dir()); err != nil {
		t.Fatal(err)
	}
	w := newWindow(t, b.server.URL)
	w.as(officer, "vi", "light")
	for name, width := range map[string]int64{"wide": 1280, "laptop": 1024, "phone": 375} {
		w.run(chromedp.EmulateViewport(width, 800), chromedp.Navigate(b.server.URL+"/"))
		over := value(w, chromedp.Evaluate[int](`Math.max(0, ...[...document.querySelectorAll(".columns .card, .columns .scroll")].map(e => e.scrollWidth - e.clientWidth))`))
		if n := value(w, chromedp.Evaluate[int](`document.querySelectorAll(".columns td.wrap, .columns span.wrap").length`)); over > 0 || n < 8 {
			t.Errorf("%s: a card is %d pixels too narrow; %d addresses", name, over, n)
		}
		w.picture("long-" + name)
		w.quiet("the overview, " + name)
	}
}
