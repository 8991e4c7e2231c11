package chat

// complaints collects what is wrong with the fields of one request, so that all of
// it is said at once.
type complaints map[string][]string

// add notes what is wrong with a field; nothing is noted if nothing is.
func (c complaints) add(field string, sentences ...string) {
	if len(sentences) > 0 {
		c[field] = append(c[field], sentences...)
	}
}

// refusal returns the error that says all of it, nil if there is nothing.
func (c complaints) refusal() error {
	if len(c) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Fields: c}
}
