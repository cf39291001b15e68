package lending

import (
	"testing"

	"example.com/library/internal/catalog"
)

func TestFines(t *testing.T) {
	for _, c := range []struct{ late, cents int }{{-3, 0}, {2, 0}, {3, 30}, {400, 500}} {
		if got := fineFor(c.late); got != c.cents {
			t.Errorf("%d days late: got %d cents, want %d", c.late, got, c.cents)
		}
	}
}

func TestCloseEndsEveryLoan(t *testing.T) {
	desk := NewDesk(catalog.New(catalog.Stock...))
	for _, id := range []string{"emma", "moby"} {
		if _, err := desk.Borrow("ada", id); err != nil {
			t.Fatal(err)
		}
	}
	if ended := desk.Close(); ended != 2 {
		t.Fatalf("got %d loans ended, want 2", ended)
	}
}
