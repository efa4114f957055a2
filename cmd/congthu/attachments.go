package main

import (
	"errors"
	"fmt"

	"congthu/filter/policy"
	"congthu/rules"
	"congthu/rules/attachmenttype"
	"congthu/rules/pack"
)

// attachmentTypes makes what tells dangerous attachments, of the built-in pack and the administrator's extensions.
func attachmentTypes(c *policy.Config) (*attachmenttype.Judge, error) {
	types, err := pack.BuiltInAttachments()
	if err != nil {
		return nil, fmt.Errorf("reading the built-in pack of attachment types: %w", err)
	}
	r := c.Rules[rules.NameAttachmentType]
	j, err := attachmenttype.New(types, attachmenttype.Own{Add: texts(r.Add), Except: texts(r.Except)})
	if bad := (*attachmenttype.OwnError)(nil); errors.As(err, &bad) {
		return nil, &exitError{exitConfig, c.Problem("rules."+rules.NameAttachmentType+"."+bad.Key, bad.Problem)}
	}
	if err != nil {
		return nil, fmt.Errorf("taking over the extensions of attachments: %w", err)
	}
	return j, nil
}
