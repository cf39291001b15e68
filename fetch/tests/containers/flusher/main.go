// Command flusher writes its coverage counters when an HTTP request asks for it, as a service with an endpoint for that
// does. It handles no signal.
package main

import (
	"flag"
	"log"
	"net/http"
	"os"
	"runtime/coverage"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	http.HandleFunc("/flush", flush)
	http.Handle("/moved", http.RedirectHandler("/flush", http.StatusTemporaryRedirect))
	log.Fatal(http.ListenAndServe(*listen, nil))
}

// flush writes one counter file and starts counting anew.
func flush(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	if err := coverage.WriteCountersDir(os.Getenv("GOCOVERDIR")); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := coverage.ClearCounters(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
