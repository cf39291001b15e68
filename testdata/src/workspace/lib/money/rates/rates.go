// Package rates converts currencies.
//
// Case: a package of a library module that no run reaches.
package rates

import (
	"fmt"

	"example.com/invoice/lib/money"
)

var perThousand = map[string]int64{"EUR": 1000, "USD": 1080, "SEK": 11300}

// Convert changes euros into another currency.
func Convert(amount money.Cents, currency string) (money.Cents, error) {
	rate, ok := perThousand[currency]
	if !ok {
		return 0, fmt.Errorf("no rate for %q", currency)
	}
	return amount * money.Cents(rate) / 1000, nil
}
