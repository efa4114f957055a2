# Two commands matter: make run (try it), make test (all checks that need minutes).

GO     ?= go
BUILD  := build
BINARY := $(BUILD)/congthu

.PHONY: all run build test check long bench evaluate fuzz clean need-go

all: build

# One line instead of a screenful when Go is missing or older than go.mod asks for.
need-go:
	@scripts/need-go $(GO)

build: need-go
	@mkdir -p $(BUILD)
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(BINARY) ./cmd/congthu

run: build
	@$(BINARY) demo

test: need-go
	@scripts/test-deps
	$(GO) test -race -timeout 20m ./...

check: need-go
	scripts/check

long: need-go
	@scripts/test-deps
	$(GO) test -tags long -timeout 60m -count 1 -v -run Long ./...

# What to measure, for instance BENCHFLAGS="-loads 5kB,14MB -through milter-tcp,rspamd -rounds 3".
BENCHFLAGS ?=
bench: build
	@scripts/test-deps
	@scripts/bench-peers
	$(GO) test -run - -bench 'Looking|Find' ./cmd/congthu ./rules/marking ./rules/content
	$(GO) run ./bench -gate $(BINARY) $(BENCHFLAGS)

# How well markings are told in a labelled set: make evaluate SET=file.jsonl (docs/marking.md).
evaluate: need-go
	@test -n "$(SET)" || { echo 'usage: make evaluate SET=file.jsonl'; exit 64; }
	@$(GO) run ./internal/evaluate "$(SET)"

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 60s
fuzz: need-go
	scripts/fuzz $(FUZZTIME)

clean:
	rm -rf $(BUILD)
