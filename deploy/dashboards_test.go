package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// dashboard is what these tests read of Grafana's model of a dashboard (JSON, schemaVersion 39).
type dashboard struct {
	UID           string      `json:"uid"`
	Title         string      `json:"title"`
	SchemaVersion int         `json:"schemaVersion"`
	Tags          []string    `json:"tags"`
	Panels        []panel     `json:"panels"`
	Templating    templateSet `json:"templating"`
}

type templateSet struct {
	List []struct {
		Name       string         `json:"name"`
		Type       string         `json:"type"`
		Query      any            `json:"query"` // a text, or of query variables an object
		Datasource map[string]any `json:"datasource"`
	} `json:"list"`
}

type panel struct {
	ID         int            `json:"id"`
	Type       string         `json:"type"`
	Title      string         `json:"title"`
	Datasource map[string]any `json:"datasource"`
	GridPos    struct{ X, Y, W, H int }
	Targets    []struct {
		RefID      string         `json:"refId"`
		Expr       string         `json:"expr"`
		Datasource map[string]any `json:"datasource"`
	} `json:"targets"`
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("grafana/dashboards/*.json")
	must(t, err)
	all := map[string]dashboard{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		var d dashboard
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = d
	}
	for _, name := range []string{"congthu-overview", "congthu-mail", "congthu-engines"} {
		if _, ok := all[name]; !ok {
			t.Fatalf("there is no dashboard %s", name)
		}
	}
	return all
}

// Each dashboard is one that Grafana takes and shows: no two of a uid or id, no panel on another's place, every query on
// the data source that the reader chose, every variable defined.
func TestDashboardModel(t *testing.T) {
	uids := map[string]string{}
	for name, d := range dashboards(t) {
		if d.UID != name || uids[d.UID] != "" || d.SchemaVersion < 36 || d.Title == "" || len(d.Tags) == 0 {
			t.Errorf("%s: uid %q, schemaVersion %d, title %q, tags %v", name, d.UID, d.SchemaVersion, d.Title, d.Tags)
		}
		uids[d.UID] = name
		checkVariables(t, name, d)
		ids, taken := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if p.ID == 0 || ids[p.ID] || p.Title == "" {
				t.Errorf("%s: panel %d %q: id and title must differ", name, p.ID, p.Title)
			}
			ids[p.ID] = true
			if g := p.GridPos; g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
				t.Errorf("%s: %s lies at %+v, outside of 24 columns", name, p.Title, g)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" && other != p.Title {
						t.Fatalf("%s: %s lies over %s", name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type != "row" {
				checkTargets(t, name, p)
			}
		}
	}
}

func checkTargets(t *testing.T, name string, p panel) {
	t.Helper()
	if len(p.Targets) == 0 {
		t.Errorf("%s: %s asks nothing", name, p.Title)
	}
	refs := map[string]bool{}
	for _, q := range p.Targets {
		if q.RefID == "" || refs[q.RefID] || q.Expr == "" || q.Datasource["uid"] != "${datasource}" || p.Datasource["uid"] != "${datasource}" {
			t.Errorf("%s: %s: query %q %q on %v", name, p.Title, q.RefID, q.Expr, q.Datasource)
		}
		refs[q.RefID] = true
	}
}

func checkVariables(t *testing.T, name string, d dashboard) {
	t.Helper()
	known := map[string]bool{"__range": true, "__rate_interval": true}
	for i, v := range d.Templating.List {
		known[v.Name] = true
		if i == 0 && (v.Name != "datasource" || v.Type != "datasource" || v.Query != "prometheus") {
			t.Errorf("%s: the first variable does not choose a Prometheus: %+v", name, v)
		}
		if v.Type == "query" && v.Datasource["uid"] != "${datasource}" {
			t.Errorf("%s: variable %s asks %v", name, v.Name, v.Datasource)
		}
	}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			for _, m := range variable.FindAllStringSubmatch(q.Expr, -1) {
				if !known[m[1]] {
					t.Errorf("%s: %s: nobody defines $%s", name, p.Title, m[1])
				}
			}
		}
	}
}

// What is provisioned is where the documentation and the files say.
func TestGrafanaProvisioning(t *testing.T) {
	var dashboards struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Type    string            `yaml:"type"`
			Options map[string]string `yaml:"options"`
		} `yaml:"providers"`
	}
	must(t, yaml.Unmarshal([]byte(file(t, "grafana/provisioning/dashboards/congthu.yml")), &dashboards))
	if dashboards.APIVersion != 1 || len(dashboards.Providers) != 1 || dashboards.Providers[0].Type != "file" {
		t.Fatalf("%+v", dashboards)
	}
	if path := dashboards.Providers[0].Options["path"]; !strings.Contains(file(t, "../docs/alerts.md"), "`"+path+"/`") {
		t.Errorf("docs/alerts.md does not say that dashboards go to %s", path)
	}
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Type string `yaml:"type"`
			URL  string `yaml:"url"`
		} `yaml:"datasources"`
	}
	must(t, yaml.Unmarshal([]byte(file(t, "grafana/provisioning/datasources/congthu.yml")), &sources))
	if sources.APIVersion != 1 || len(sources.Datasources) != 1 || sources.Datasources[0].Type != "prometheus" {
		t.Errorf("%+v", sources)
	}
}
