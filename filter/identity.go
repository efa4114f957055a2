package filter

// Identity tells a message that comes again by its content: the same for all after the trace fields at its top, which the
// server that sends it again writes anew. It is "" when the content is not known.
func Identity(tx *Transaction) string { return identity(tx) }
