package console

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

type evidenceData struct {
	Evidence Evidence
	Key      string // SHA-256 of the public key, hex
	Acts     []store.Act
	Next     string
	Report   *evidence.Report // of a verification just made
	Fault    *evidence.Fault  // the first thing that is wrong
	Took     time.Duration
	Formats  []evidence.Format
	Indexed  uint64
}

func (c *Console) evidenceOf(r *request) (d evidenceData, err error) {
	d = evidenceData{Evidence: c.options.Gate.Evidence(), Formats: []evidence.Format{evidence.JSONL, evidence.CEF, evidence.CSV}}
	var next string
	d.Acts, next, err = r.store.Acts(r.Context(), store.ActFilter{Limit: store.DefaultPage, After: r.form("after")})
	if err != nil {
		return d, err
	}
	if next != "" {
		d.Next = "/evidence" + query("after", next)
	}
	d.Indexed, _, err = r.store.Position(r.Context(), d.Evidence.Gate)
	return d, err
}

// evidencePage shows how the evidence log stands, and what people did.
func (c *Console) evidencePage(w http.ResponseWriter, r *request) error {
	d, err := c.evidenceOf(r)
	if err != nil {
		return err
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "evidence", Title: "menu.evidence", Data: d})
}

// verify checks the whole chain with the public key alone, as somebody else would.
func (c *Console) verify(w http.ResponseWriter, r *request) error {
	d, err := c.evidenceOf(r)
	if err != nil {
		return err
	}
	key, err := evidence.ReadPublicKey(filepath.Join(d.Evidence.Dir, "key.pub"))
	if err != nil {
		return fmt.Errorf("reading the evidence log's public key: %w", err)
	}
	if !c.verifying.TryLock() { // a long log takes its time, and the disk's
		return errForm{"evidence.busy"}
	}
	defer c.verifying.Unlock()
	begun := time.Now()
	report, err := evidence.Verify(d.Evidence.Dir, key)
	d.Took = time.Since(begun)
	switch {
	case errors.As(err, &d.Fault):
	case err != nil:
		return fmt.Errorf("verifying the evidence log: %w", err)
	}
	d.Report = &report
	return c.render(w, http.StatusOK, &page{request: r, Name: "evidence", Title: "menu.evidence", Data: d})
}

// exportEvidence writes records of a span of days as a file, which is put on record.
func (c *Console) exportEvidence(w http.ResponseWriter, r *request) error {
	format, err := evidence.ParseFormat(r.form("format"))
	if err != nil {
		return errForm{"error.invalid"}
	}
	zone := local(r.now).Location()
	from, err1 := time.ParseInLocation(dayFormat, r.form("since"), zone)
	to, err2 := time.ParseInLocation(dayFormat, r.form("until"), zone)
	if err1 != nil || err2 != nil || to.Before(from) {
		return errForm{"statistics.days-wrong"}
	}
	err = c.record(r, evidence.ExportContent, "evidence", "", map[string]string{"format": string(format), "since": r.form("since"), "until": r.form("until")})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="congthu-evidence-`+from.Format(dayFormat)+"-"+to.Format(dayFormat)+"."+string(format)+`"`)
	return c.gone(evidence.Export(r.Context(), w, c.options.Gate.Evidence().Dir, format, from, to.AddDate(0, 0, 1)))
}
