// Package snapshot writes the coverage counters of a running process.
//
// Case: the SIGUSR1 handler of a service in a pod, with the errors looked at: counters that could not be
// written are not cleared, so that the next signal writes them.
package snapshot

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime/coverage"
)

// OnSignal writes the counters into dir each time the signal arrives. It needs a build with -cover
// and -covermode=atomic.
func OnSignal(dir string, trigger os.Signal) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, trigger)
	go func() {
		for range signals {
			if err := Write(dir); err != nil {
				log.Printf("snapshot: %v", err)
				continue
			}
			log.Printf("snapshot: counters written to %s", dir)
		}
	}()
}

// Write writes one counter file into dir and starts counting anew.
func Write(dir string) error {
	if err := coverage.WriteCountersDir(dir); err != nil {
		return fmt.Errorf("writing counters to %s (not cleared): %w", dir, err)
	}
	if err := coverage.ClearCounters(); err != nil {
		return fmt.Errorf("counters were written but not cleared: %w", err)
	}
	return nil
}
