package console

// routes are all addresses that need more than a file. Whatever is not in this table is not there.
func (c *Console) routes() []route {
	return []route{
		{"GET", "/signin", anybody, (*Console).signInPage},
		{"POST", "/signin", anybody, (*Console).signIn},
		{"GET", "/setup", anybody, (*Console).setupPage},
		{"POST", "/setup", anybody, (*Console).setUp},
		{"POST", "/language", anybody, (*Console).chooseLanguage},
		{"POST", "/theme", anybody, (*Console).chooseTheme},
		{"POST", "/signout", ownAccount, (*Console).signOut},
		{"GET", "/account", ownAccount, (*Console).accountPage},
		{"POST", "/account/password", ownAccount, (*Console).changePassword},
		{"POST", "/account/totp", ownAccount, (*Console).changeTOTP},
		{"GET", "/people", managePeople, (*Console).peoplePage},
		{"POST", "/people", managePeople, (*Console).addPerson},
		{"POST", "/people/{name}", managePeople, (*Console).changePerson},
		{"GET", "/{$}", readMessages, (*Console).overviewPage},
		{"GET", "/messages", readMessages, (*Console).messagesPage},
		{"GET", "/messages/{id}", readMessages, (*Console).messagePage},
		{"GET", "/held", readHeld, (*Console).heldPage},
		{"POST", "/held", decideHeld, (*Console).decide},
		{"POST", "/held/unlock", decideHeld, (*Console).unlock},
		{"POST", "/held/lock", decideHeld, (*Console).lock},
		{"GET", "/held/{id}", readHeld, (*Console).holdPage},
		{"POST", "/held/{id}/view", decideHeld, (*Console).viewHold},
		{"POST", "/held/{id}/part", decideHeld, (*Console).downloadPart},
		{"POST", "/messages/{id}/judge", judgeFindings, (*Console).judge},
	}
}
