// A fleet of clients of Go's clientv3, for the rows of the benchmarks that measure fleets, or one that takes locks. It reads orders from its standard input and
// answers on its standard output, a JSON object a line: see bench/src/peers/go-program.ts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// order is what the parent says: begin (load and follow), target (tell when every client has reached a revision), check (digests).
type order struct {
	Name       string `json:"name"`
	Revision   int64  `json:"revision"`
	Count      int    `json:"count"`
	PatienceMs int64  `json:"patienceMs"`
}

// answer is what the parent hears.
type answer struct {
	Name    string   `json:"name"`
	Digests []string `json:"digests,omitempty"`
	Reloads int64    `json:"reloads"`
	Ms      float64  `json:"ms"`
	// Waiters that were served after one that had come later.
	OutOfOrder int    `json:"outOfOrder"`
	Message    string `json:"message,omitempty"`
}

func main() {
	endpoints := flag.String("endpoints", "", "the servers, separated by commas")
	prefix := flag.String("prefix", "", "the keys to follow")
	count := flag.Int("clients", 1, "how many clients")
	page := flag.Int64("page", 0, "keys a page of the load; 0 for one Get")
	lock := flag.String("lock", "", "take this lock, instead of following keys")
	flag.Parse()

	ctx := context.Background()
	out := json.NewEncoder(os.Stdout)
	if *lock != "" {
		takeLocks(ctx, strings.Split(*endpoints, ","), *lock, out)
		return
	}
	fleet := make([]*client, *count)
	for i := range fleet {
		// Each begins at another server, as clients of several servers do.
		fleet[i] = newClient(rotated(strings.Split(*endpoints, ","), i), *prefix, *page)
	}
	orders := make(chan order)
	go read(orders)
	must(out.Encode(answer{Name: "ready"}))
	for told := range orders {
		switch told.Name {
		case "begin":
			each(fleet, func(c *client) { c.begin(ctx) })
			must(out.Encode(answer{Name: "loaded"}))
		case "target":
			patience := time.After(time.Duration(told.PatienceMs) * time.Millisecond)
			for late := false; !late && !all(fleet, func(c *client) bool { return c.isAt(told.Revision) }); {
				select {
				case <-patience:
					late = true
				case <-time.After(5 * time.Millisecond):
				}
			}
			must(out.Encode(answer{Name: "reached"}))
		case "check":
			reply := answer{Name: "checked"}
			for _, c := range fleet {
				reply.Digests = append(reply.Digests, c.digest())
				reply.Reloads += c.reloads()
			}
			must(out.Encode(reply))
		default:
			must(fmt.Errorf("unknown order %q", told.Name))
		}
	}
}

// read ends the process with its connections as soon as the parent is gone.
func read(orders chan<- order) {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var told order
		must(json.Unmarshal(in.Bytes(), &told))
		orders <- told
	}
	os.Exit(0)
}

func each(fleet []*client, work func(*client)) {
	var done sync.WaitGroup
	for _, c := range fleet {
		done.Go(func() { work(c) })
	}
	done.Wait()
}

func all(fleet []*client, holds func(*client) bool) bool {
	for _, c := range fleet {
		if !holds(c) {
			return false
		}
	}
	return true
}

func rotated(endpoints []string, by int) []string {
	by %= len(endpoints)
	return append(append([]string{}, endpoints[by:]...), endpoints[:by]...)
}

func must(err error) {
	if err == nil {
		return
	}
	_ = json.NewEncoder(os.Stdout).Encode(answer{Name: "failed", Message: err.Error()})
	os.Exit(1)
}
