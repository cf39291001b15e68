// Package api is the library's HTTP interface: JSON in, JSON out.
package api

import (
	"fmt"
	"net/http"
	"strings"

	"example.com/library/internal/catalog"
	"example.com/library/internal/lending"
)

type server struct {
	books *catalog.Catalog
	desk  *lending.Desk
}

type order struct {
	Member string `json:"member"`
	Book   string `json:"book"`
	Days   int    `json:"days"` // how long the member had the book
}

// New routes the requests.
func New(books *catalog.Catalog, desk *lending.Desk) http.Handler {
	s := &server{books: books, desk: desk}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/books", only(http.MethodGet, s.search))
	mux.HandleFunc("/books/", only(http.MethodGet, s.book))
	mux.HandleFunc("/loans", only(http.MethodPost, s.borrow))
	mux.HandleFunc("/returns", only(http.MethodPost, s.giveBack))
	mux.HandleFunc("/members/", only(http.MethodGet, s.member))
	return mux
}

func only(method string, handle func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			w.Header().Set("Allow", method)
			reply(w, http.StatusMethodNotAllowed, map[string]string{"error": "only " + method})
			return
		}
		answer, err := handle(r)
		if err != nil {
			reply(w, status(err), map[string]string{"error": err.Error()})
			return
		}
		reply(w, http.StatusOK, answer)
	}
}

func (s *server) search(r *http.Request) (any, error) {
	return s.books.Search(r.URL.Query().Get("q")), nil
}

func (s *server) book(r *http.Request) (any, error) {
	return s.books.Get(strings.TrimPrefix(r.URL.Path, "/books/"))
}

func (s *server) borrow(r *http.Request) (any, error) {
	wanted, err := read(r)
	if err != nil {
		return nil, err
	}
	place, err := s.desk.Borrow(wanted.Member, wanted.Book)
	if err != nil {
		return nil, err
	}
	if place > 0 {
		return map[string]int{"waiting": place}, nil
	}
	return map[string]string{"lent": wanted.Book}, nil
}

func (s *server) giveBack(r *http.Request) (any, error) {
	brought, err := read(r)
	if err != nil {
		return nil, err
	}
	fine, next, err := s.desk.Return(brought.Member, brought.Book, brought.Days)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"fine": fine}
	if next != "" {
		answer["next"] = next
	}
	return answer, nil
}

func (s *server) member(r *http.Request) (any, error) {
	return s.desk.Of(strings.TrimPrefix(r.URL.Path, "/members/")), nil
}
