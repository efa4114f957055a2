package console

import (
	"sync"
	"time"

	"filippo.io/age"
)

// Limits of attempts to sign in.
const (
	triesOfName    = 5 // wrong ones in a row, then the account is locked
	lockTime       = 15 * time.Minute
	triesOfAddress = 30 // from one address in addressWindow, right or wrong
	addressWindow  = 10 * time.Minute
	maxAddresses   = 10_000 // remembered
)

// attempts counts by address, so that nobody tries one password on every name.
type attempts struct {
	mu   sync.Mutex
	from map[string][]time.Time
	busy chan struct{} // bounds the memory of passwords that are checked at once
}

// allowed counts an attempt and tells whether it may go on.
func (a *attempts) allowed(address string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.from == nil {
		a.from = map[string][]time.Time{}
	}
	if len(a.from) >= maxAddresses {
		for k, v := range a.from {
			if len(v) == 0 || now.Sub(v[len(v)-1]) > addressWindow {
				delete(a.from, k)
			}
		}
	}
	if len(a.from) >= maxAddresses && a.from[address] == nil {
		return false
	}
	recent := a.from[address]
	for len(recent) > 0 && now.Sub(recent[0]) > addressWindow {
		recent = recent[1:]
	}
	if len(recent) >= triesOfAddress {
		a.from[address] = recent
		return false
	}
	a.from[address] = append(recent, now)
	return true
}

// unlockTime is how long an identity stays unlocked without being used.
const unlockTime = 15 * time.Minute

// unlocks are the identities that officers unlocked, in memory alone and by session.
type unlocks struct {
	mu  sync.Mutex
	all map[string]*unlocked
}

type unlocked struct {
	identity age.Identity
	until    time.Time
}

// put keeps an identity for a session.
func (u *unlocks) put(secret string, id age.Identity, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = map[string]*unlocked{}
	}
	for k, v := range u.all {
		if !now.Before(v.until) {
			delete(u.all, k)
		}
	}
	u.all[secret] = &unlocked{id, now.Add(unlockTime)}
}

// get is the identity of a session, which stays unlocked for as long again; nil when there is none.
func (u *unlocks) get(secret string, now time.Time) age.Identity {
	u.mu.Lock()
	defer u.mu.Unlock()
	v, ok := u.all[secret]
	if !ok || !now.Before(v.until) {
		delete(u.all, secret)
		return nil
	}
	v.until = now.Add(unlockTime)
	return v.identity
}

// drop forgets the identity of a session.
func (u *unlocks) drop(secret string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.all, secret)
}
