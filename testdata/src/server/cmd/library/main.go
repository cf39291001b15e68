// Command library serves a small lending library over HTTP.
//
// Case: a service that is measured while it runs. It never exits by itself, so its counters reach the disk
// on SIGUSR1 only (see package snapshot).
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/library/internal/api"
	"example.com/library/internal/catalog"
	"example.com/library/internal/lending"
	"example.com/library/internal/snapshot"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	log.SetFlags(0)

	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		snapshot.OnSignal(dir, syscall.SIGUSR1)
	}
	if err := serve(*listen); err != nil {
		log.Fatalf("library: %v", err)
	}
}

// serve returns when the process is told to stop and the requests under way are answered.
func serve(address string) error {
	books := catalog.New(catalog.Stock...)
	server := &http.Server{
		Addr:              address,
		Handler:           api.New(books, lending.NewDesk(books)),
		ReadHeaderTimeout: 5 * time.Second,
	}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		<-stop.Done()
		stopped <- server.Shutdown(context.Background())
	}()

	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
