package store

// WrapWith is WrapIdentity with a work factor that a test can afford.
func WrapWith(passphrase, identity string, work int) ([]byte, error) {
	return wrap(passphrase, identity, work)
}

// SchemaVersions are the versions of the schema that there were.
func SchemaVersions() ([]int64, error) {
	p, err := migrations(nil)
	if err != nil {
		return nil, err
	}
	var all []int64
	for _, s := range p.ListSources() {
		all = append(all, s.Version)
	}
	return all, nil
}
