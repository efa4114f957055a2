package console

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The cost of a password: what RFC 9106 section 4 recommends where 64 MiB are there for it.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 2
	argonKey     = 32
	argonSalt    = 16
)

// Limits of a password. The regulation asks for 8 characters (clause 10.4), in three of four kinds.
const (
	minPassword = 8
	maxPassword = 200
)

// passwordProblem is the key of what is wrong with a password, "" for nothing. // clause 10.4
func passwordProblem(name, password string) string {
	var upper, lower, digit, other int
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			other = 1
		}
	}
	local, _, _ := strings.Cut(name, "@")
	switch {
	case utf8.RuneCountInString(password) < minPassword || len(password) > maxPassword || !utf8.ValidString(password):
		return "password.length"
	case strings.EqualFold(password, name) || strings.EqualFold(password, local):
		return "password.name"
	case upper+lower+digit+other < 3:
		return "password.kinds"
	}
	return ""
}

// hashPassword is a password as it is kept; memory is what the hash costs, in KiB.
func hashPassword(password string, memory uint32) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails (crypto/rand)
	key := argon2.IDKey([]byte(password), salt, argonTime, memory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, argonTime, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// rightPassword tells whether it is the password that was kept. It takes as long when there is none; usual is what
// a hash costs, in KiB.
func rightPassword(kept, password string, usual uint32) bool {
	var version, memory, time, threads uint32
	var rest string
	n, err := fmt.Sscanf(kept, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &memory, &time, &threads, &rest)
	salt64, key64, ok := strings.Cut(rest, "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(salt64)
	key, err2 := base64.RawStdEncoding.DecodeString(key64)
	if n != 5 || err != nil || !ok || err1 != nil || err2 != nil || len(key) != argonKey || version != argon2.Version ||
		memory > 4*argonMemory || time == 0 || time > 100 || threads == 0 || threads > 100 || len(password) > maxPassword {
		argon2.IDKey([]byte("no password"), make([]byte, argonSalt), argonTime, usual, argonThreads, argonKey)
		return false
	}
	return subtle.ConstantTimeCompare(key, argon2.IDKey([]byte(password), salt, time, memory, uint8(threads), argonKey)) == 1
}

// newSecret is a secret of 256 bits that can stand in a cookie.
func newSecret() string { return rand.Text() + rand.Text() }
