// A web service that answers with $ANSWER and the pod's name. When told to stop it goes on answering for a while, so that
// whoever still has its address is served, and then finishes what it has begun.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	host, _ := os.Hostname()
	http.HandleFunc("/", func(response http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(response, "%s %s\n", os.Getenv("ANSWER"), host)
	})
	server := &http.Server{Addr: ":8080"}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	<-signals
	time.Sleep(5 * time.Second)
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = server.Shutdown(deadline)
}
