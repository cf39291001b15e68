// Package tax knows the value added tax of a few countries.
//
// Case: a module in a directory of another module, with a module path that is unlike its directory.
package tax

import "example.com/invoice/lib/money"

// On is the tax on a net amount; without a known country there is none.
func On(net money.Cents, country string) money.Cents {
	percent := 0
	switch country {
	case "DE":
		percent = 19
	case "SE", "DK":
		percent = 25
	case "":
		return 0
	}
	return net.Times(percent) / 100
}
