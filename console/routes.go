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
	}
}
