package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// Keys a page, of loads by pages.
const pageKeys = 10_000

// loaded is a prefix in memory: values as they came, or parsed.
type loaded struct {
	raw    map[string][]byte
	parsed map[string]any
}

// loadPrefixes follows the orders of the rows of loads: load (a prefix, by a new client each time), check (the digest of the last one).
func loadPrefixes(ctx context.Context, endpoints []string, way string, parse bool, out *json.Encoder) {
	orders := make(chan order)
	go read(orders)
	must(out.Encode(answer{Name: "ready"}))
	var last loaded
	for told := range orders {
		switch told.Name {
		case "load":
			last = loaded{}
			resetPeak()
			before, began := cpuTime(), time.Now()
			etcd, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
			must(err)
			last = loadBy(ctx, etcd, told.Prefix, way, parse)
			must(out.Encode(answer{
				Name: "held", Ms: millis(began), CPUMs: float64((cpuTime() - before).Microseconds()) / 1000, RssBytes: peakRss(),
				Keys: len(last.raw) + len(last.parsed),
			}))
			must(etcd.Close())
		case "check":
			reply := answer{Name: "checked"}
			if last.raw != nil {
				reply.Digests = []string{digestOf(last.raw)}
			}
			must(out.Encode(reply))
		default:
			must(fmt.Errorf("unknown order %q", told.Name))
		}
	}
}

func loadBy(ctx context.Context, etcd *clientv3.Client, prefix, way string, parse bool) loaded {
	into := loaded{raw: map[string][]byte{}}
	if parse {
		into = loaded{parsed: map[string]any{}}
	}
	switch way {
	case "get":
		response, err := etcd.Get(ctx, prefix, clientv3.WithPrefix())
		must(err)
		into.take(response)
	case "pages":
		from, end := prefix, clientv3.GetPrefixRangeEnd(prefix)
		for revision, more := int64(0), true; more; {
			response, err := etcd.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageKeys), clientv3.WithRev(revision))
			must(err)
			into.take(response)
			if revision == 0 {
				revision = response.Header.Revision
			}
			if more = response.More; more {
				from = string(response.Kvs[len(response.Kvs)-1].Key) + "\x00"
			}
		}
	case "stream":
		chunks, err := etcd.GetStream(ctx, prefix, clientv3.WithPrefix())
		must(err)
		for chunk := range chunks {
			must(chunk.Err())
			into.take((*clientv3.GetResponse)(chunk.RangeResponse))
		}
	default:
		must(fmt.Errorf("unknown way to load %q", way))
	}
	return into
}

func (l loaded) take(response *clientv3.GetResponse) {
	for _, kv := range response.Kvs {
		if l.raw != nil {
			l.raw[string(kv.Key)] = kv.Value
			continue
		}
		var value any
		must(json.Unmarshal(kv.Value, &value))
		l.parsed[string(kv.Key)] = value
	}
}

// cpuTime is that of all threads of this process.
func cpuTime() time.Duration {
	var usage unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// resetPeak makes Linux count the most resident memory anew. Elsewhere it is not told.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

var vmHWM = regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB`)

func peakRss() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	found := vmHWM.FindSubmatch(status)
	if found == nil {
		return 0
	}
	kib, err := strconv.ParseInt(string(found[1]), 10, 64)
	must(err)
	return kib * 1024
}
