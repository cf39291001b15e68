package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/library/internal/catalog"
	"example.com/library/internal/lending"
)

func TestMethodIsChecked(t *testing.T) {
	books := catalog.New(catalog.Stock...)
	recorder := httptest.NewRecorder()
	New(books, lending.NewDesk(books)).ServeHTTP(recorder, httptest.NewRequest(http.MethodDelete, "/books", nil))
	if recorder.Code != http.StatusMethodNotAllowed {
		t.Fatalf("got %d, want 405", recorder.Code)
	}
}
