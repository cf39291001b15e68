package catalog

import (
	"errors"
	"testing"
)

func TestSearchFindsEveryWord(t *testing.T) {
	found := New(Stock...).Search("jane emma")
	if len(found) != 1 || found[0].ID != "emma" {
		t.Fatalf("got %v, want Emma alone", found)
	}
}

func TestDecade(t *testing.T) {
	found := New(Stock...).Decade(1810)
	if len(found) != 2 || found[0].ID != "emma" || found[1].ID != "persuasion" {
		t.Fatalf("got %v, want Emma and Persuasion", found)
	}
}

func TestGetUnknown(t *testing.T) {
	if _, err := New().Get("emma"); !errors.Is(err, ErrUnknown) {
		t.Fatalf("got %v, want ErrUnknown", err)
	}
}
