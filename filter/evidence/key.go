package evidence

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Names of files in a log's directory.
const (
	keyName         = "key"     // PEM, PKCS #8, Ed25519, mode 0600
	publicName      = "key.pub" // PEM, PKIX
	checkpointsName = "checkpoints.jsonl"
	lockName        = "lock"
	socketName      = "control.sock"
)

// ErrKey says that the log's key cannot be used: lost, damaged, or readable by others.
var ErrKey = errors.New("evidence key")

// loadKey reads the log's key; a log that has no records yet is given one.
func loadKey(dir string, fresh bool) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyName)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		return makeKey(dir)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s is missing although there are records: put it back, or move the whole directory away to begin a new log", ErrKey, path)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s can be read by others (mode %04o): its mode must be 0600", ErrKey, path, info.Mode().Perm())
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%w: %s is not PEM", ErrKey, path)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKey, path, err)
	}
	key, ok := any.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: %s is not an Ed25519 key", ErrKey, path)
	}
	return key, keepPublic(dir, key)
}

func makeKey(dir string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	// The public key first: a private one without it would only be made into it again.
	if err := keepPublic(dir, key); err != nil {
		return nil, err
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := writeWhole(filepath.Join(dir, keyName), b, 0o600); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return key, nil
}

// keepPublic writes key.pub when it is missing or another key's, which only a crash leaves behind.
func keepPublic(dir string, key ed25519.PrivateKey) error {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	path, b := filepath.Join(dir, publicName), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if old, err := os.ReadFile(path); err == nil && string(old) == string(b) {
		return nil
	}
	if err := writeWhole(path, b, 0o644); err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	return nil
}

// ReadPublicKey reads a key.pub.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%w: %s is not PEM", ErrKey, path)
	}
	any, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKey, path, err)
	}
	key, ok := any.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: %s is not an Ed25519 key", ErrKey, path)
	}
	return key, nil
}

// keyID names a public key in a checkpoint.
func keyID(pub ed25519.PublicKey) string {
	sum := sha256.Sum256(pub)
	return hex.EncodeToString(sum[:])
}

// signedText is what the signature of a checkpoint or root is over: everything that it says.
func signedText(kind Kind, gate string, at time.Time, seq uint64, hash string, count uint64) []byte {
	return fmt.Appendf(nil, "congthu evidence 1\n%s\n%q\n%s\n%d\n%s\n%d\n", kind, gate, at.UTC().Format(time.RFC3339Nano), seq, hash, count)
}

// sign fills the key and signature of a checkpoint or root. Its time and gate must be set.
func (r *Record) sign(key ed25519.PrivateKey, id string) {
	switch r.Kind {
	case KindCheckpoint:
		c := r.Checkpoint
		c.Key = id
		c.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, signedText(r.Kind, r.Gate, r.Time, c.Seq, c.Hash, 0)))
	case KindRoot:
		t := r.Root
		t.Key = id
		t.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, signedText(r.Kind, r.Gate, r.Time, t.Seq, t.Hash, t.Count)))
	}
}

// signedBy tells why r, a checkpoint or root, is not what the key's owner signed; "" when it is.
func (r *Record) signedBy(pub ed25519.PublicKey) string {
	var text []byte
	var signature, id string
	switch {
	case r.Kind == KindCheckpoint && r.Checkpoint != nil:
		c := r.Checkpoint
		if c.Seq != r.Seq-1 || c.Hash != r.Prev {
			return "the checkpoint does not sign the record before it"
		}
		text, signature, id = signedText(r.Kind, r.Gate, r.Time, c.Seq, c.Hash, 0), c.Signature, c.Key
	case r.Kind == KindRoot && r.Root != nil:
		t := r.Root
		text, signature, id = signedText(r.Kind, r.Gate, r.Time, t.Seq, t.Hash, t.Count), t.Signature, t.Key
	default:
		return "no checkpoint"
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	switch {
	case err != nil:
		return "the signature is damaged"
	case len(pub) != ed25519.PublicKeySize:
		return "the public key is none"
	case !ed25519.Verify(pub, text, raw) && id != keyID(pub):
		return "signed with another key"
	case !ed25519.Verify(pub, text, raw):
		return "the signature is wrong"
	case id != keyID(pub):
		return "another key's name stands at the signature"
	}
	return ""
}
