package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"

	"example.com/library/internal/catalog"
	"example.com/library/internal/lending"
)

var errBadRequest = errors.New("bad request")

// read takes the order from the body of a request.
func read(r *http.Request) (order, error) {
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return order{}, fmt.Errorf("%w: %v", errBadRequest, err)
	}
	if o.Member == "" || o.Book == "" {
		return order{}, fmt.Errorf("%w: member and book are needed", errBadRequest)
	}
	return o, nil
}

func reply(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		log.Printf("reply: %v", err)
	}
}

func status(err error) int {
	switch {
	case errors.Is(err, errBadRequest):
		return http.StatusBadRequest
	case errors.Is(err, catalog.ErrUnknown), errors.Is(err, lending.ErrNotLent):
		return http.StatusNotFound
	case errors.Is(err, lending.ErrTooMany):
		return http.StatusConflict
	default:
		return http.StatusInternalServerError
	}
}
