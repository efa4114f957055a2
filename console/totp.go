package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // what authenticator programs know (RFC 6238 section 1.2)
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// totpStep is how long a code holds. RFC 6238 section 4.1
const totpStep = 30 * time.Second

// newTOTPKey is a key of 160 bits, base32. RFC 4226 section 4
func newTOTPKey() string {
	key := make([]byte, 20)
	rand.Read(key) // never fails (crypto/rand)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
}

// totpAddress is what an authenticator program reads.
func totpAddress(gate, name, key string) string {
	v := url.Values{"secret": {key}, "issuer": {"Congthu"}, "digits": {"6"}, "period": {"30"}}
	return (&url.URL{Scheme: "otpauth", Host: "totp", Path: "/Congthu " + gate + ":" + name, RawQuery: v.Encode()}).String()
}

// totpCode is the code of a time step. RFC 4226 section 5.3
func totpCode(key []byte, step int64) string {
	mac := hmac.New(sha1.New, key)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// totpMatch is the time step that a code is for: now, or one step beside it for clocks that differ. ok is false for
// any other code.
func totpMatch(key, code string, now time.Time) (step int64, ok bool) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
	if err != nil || len(raw) == 0 {
		return 0, false
	}
	code = strings.ReplaceAll(code, " ", "")
	at := now.Unix() / int64(totpStep.Seconds())
	for s := at - 1; s <= at+1; s++ {
		if subtle.ConstantTimeCompare([]byte(totpCode(raw, s)), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}
