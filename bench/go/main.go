// Clients of Go's clientv3, as peers in the benchmarks: a fleet that follows keys, one that takes locks, one that loads a prefix, or one that notes when
// events arrive. It reads orders from its standard input and answers on its standard output, a JSON object a line: see bench/src/peers/go-program.ts.
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
	Prefix     string `json:"prefix"`
}

// answer is what the parent hears.
type answer struct {
	Name    string   `json:"name"`
	Digests []string `json:"digests,omitempty"`
	Reloads int64    `json:"reloads"`
	Ms      float64  `json:"ms"`
	// Of a load: the CPU time of all threads, in milliseconds, and the most memory that was resident, in bytes.
	CPUMs    float64 `json:"cpuMs,omitempty"`
	RssBytes int64   `json:"rssBytes,omitempty"`
	Keys     int     `json:"keys,omitempty"`
	// From the write of each value until it was in the map, in milliseconds.
	Latencies []float64 `json:"latencies,omitempty"`
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
	load := flag.String("load", "", "load prefixes in this way, instead of following keys: get, pages or stream")
	parse := flag.Bool("parse", false, "in loads: parse every value as JSON")
	note := flag.String("note", "", "note when values of this prefix arrive, instead of following keys")
	flag.Parse()

	ctx := context.Background()
	out := json.NewEncoder(os.Stdout)
	if *lock != "" {
		takeLocks(ctx, strings.Split(*endpoints, ","), *lock, out)
		return
	}
	if *load != "" {
		loadPrefixes(ctx, strings.Split(*endpoints, ","), *load, *parse, out)
		return
	}
	if *note != "" {
		noteArrivals(ctx, strings.Split(*endpoints, ","), *note, out)
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
