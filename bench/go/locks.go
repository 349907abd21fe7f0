package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"
)

// Longer than a row takes, in seconds: no session is renewed meanwhile.
const ttl = 600

// takeLocks follows the orders of the row of locks: pairs (lock and unlock so often), queue (so many wait), serve (give the lock to them).
func takeLocks(ctx context.Context, endpoints []string, name string, out *json.Encoder) {
	etcd, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	must(err)
	mutex := newMutex(etcd, name)
	orders := make(chan order)
	go read(orders)
	must(out.Encode(answer{Name: "ready"}))
	var waiting *queue
	for told := range orders {
		switch told.Name {
		case "pairs":
			began := time.Now()
			for range told.Count {
				must(mutex.Lock(ctx))
				must(mutex.Unlock(ctx))
			}
			must(out.Encode(answer{Name: "paired", Ms: millis(began)}))
		case "queue":
			waiting = newQueue(ctx, etcd, name+"-queue", told.Count)
			must(out.Encode(answer{Name: "queued"}))
		case "serve":
			began := time.Now()
			late := waiting.serve(ctx)
			must(out.Encode(answer{Name: "served", Ms: millis(began), OutOfOrder: late}))
		default:
			must(fmt.Errorf("unknown order %q", told.Name))
		}
	}
}

// queue is a lock that is held, and those who wait for it.
type queue struct {
	held *concurrency.Mutex
	done sync.WaitGroup
	// The create revisions of those who were served, in that order. Only the holder appends.
	served []int64
}

func newQueue(ctx context.Context, etcd *clientv3.Client, name string, count int) *queue {
	q := &queue{held: newMutex(etcd, name)}
	must(q.held.Lock(ctx))
	for range count {
		mutex := newMutex(etcd, name)
		q.done.Go(func() {
			must(mutex.Lock(ctx))
			// The compare that shows who the owner is has the revision.
			owner := mutex.IsOwner()
			q.served = append(q.served, owner.GetCompare().GetCreateRevision())
			must(mutex.Unlock(ctx))
		})
	}
	return q
}

func (q *queue) serve(ctx context.Context) int {
	must(q.held.Unlock(ctx))
	q.done.Wait()
	late, highest := 0, int64(0)
	for _, revision := range q.served {
		if revision < highest {
			late++
		}
		highest = max(highest, revision)
	}
	return late
}

func newMutex(etcd *clientv3.Client, name string) *concurrency.Mutex {
	session, err := concurrency.NewSession(etcd, concurrency.WithTTL(ttl))
	must(err)
	return concurrency.NewMutex(session, name)
}

func millis(since time.Time) float64 {
	return float64(time.Since(since).Microseconds()) / 1000
}
