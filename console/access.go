package console

import (
	"errors"
	"net/http"

	"congthu/store"
)

// act is what a route does, for which somebody must have the right.
type act string

// The acts.
const (
	anybody       act = ""               // needs no sign-in
	ownAccount    act = "account"        // signed in, whoever it is
	ownSent       act = "sent"           // what is held of one's own mail, and one's word about it
	readMessages  act = "messages"       // verdicts, without content
	readHeld      act = "held"           // what is held, without content
	decideHeld    act = "held-decide"    // open, release, delete
	judgeFindings act = "judge"          // say whether a finding was right
	readPolicy    act = "policy"         // the configuration in force
	tryPolicy     act = "policy-try"     // judge a message without effect
	readException act = "exceptions"     // list
	editException act = "exception-edit" // grant, end
	readNumbers   act = "statistics"
	readEvidence  act = "evidence" // state, verify, export
	readSystem    act = "system"
	managePeople  act = "people" // accounts, tokens
)

// may is who may do what: the one place that decides.
func may(role store.Role, a act) bool {
	switch a {
	case anybody:
		return true
	case ownAccount, ownSent:
		return role.Valid()
	case readMessages, readHeld, readPolicy, readException, readNumbers, readEvidence, readSystem:
		return role.Staff()
	case decideHeld, judgeFindings, editException:
		return role == store.Reviewer
	case tryPolicy:
		return role == store.Administrator || role == store.Reviewer
	case managePeople:
		return role == store.Administrator
	}
	return false
}

// route is one address of the console.
type route struct {
	method  string
	pattern string
	act     act
	serve   func(*Console, http.ResponseWriter, *request) error
}

// errForm says that what was sent is not what the form asks for: the text is for whoever sent it.
type errForm struct{ key string }

func (e errForm) Error() string { return "form: " + e.key }

// Errors that have a page of their own.
var (
	errNoStore   = errors.New("the database is not available")
	errForbidden = errors.New("not allowed")
	errNotFound  = errors.New("no such page")
	errRecord    = errors.New("it could not be put on record")
	errBusy      = errors.New("too many pages are kept up to date")
	errNotYours  = errors.New("nothing that this person sent")
	errElsewhere = errors.New("the first page is for the staff")
	errReplayed  = errors.New("the form is not of this session")
)
