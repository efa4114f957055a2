// Package deploy has no code: it is the folder of what an administrator copies. Its tests start a real
// Postfix and the gate from these very files; only addresses are exchanged for free ones.
package deploy
