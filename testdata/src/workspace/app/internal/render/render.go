// Package render writes amounts for people.
//
// Case: an internal package, two directories below its module.
package render

import (
	"fmt"

	"example.com/invoice/lib/money"
	"example.com/invoice/lib/money/rates"
)

// Line is one line of the bill.
func Line(net, tax money.Cents) string {
	if tax == 0 {
		return fmt.Sprintf("%s, tax free", net)
	}
	return fmt.Sprintf("%s + %s = %s", net, tax, net+tax)
}

// Abroad is Line in another currency. No run asks for it.
func Abroad(net money.Cents, currency string) (string, error) {
	amount, err := rates.Convert(net, currency)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s", amount, currency), nil
}
