package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// arrivals keeps a map of parsed values equal to a prefix from now on, and notes how long after its write each value came.
type arrivals struct {
	mutex     sync.Mutex
	content   map[string]any
	latencies []float64
}

// noteArrivals follows the orders of the row of latencies: reset (forget what came), reach (tell when so many have come since).
func noteArrivals(ctx context.Context, endpoints []string, prefix string, out *json.Encoder) {
	etcd, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	must(err)
	noted := &arrivals{content: map[string]any{}}
	watching := make(chan struct{})
	go noted.follow(etcd.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify()), watching)
	<-watching
	orders := make(chan order)
	go read(orders)
	must(out.Encode(answer{Name: "ready"}))
	for told := range orders {
		switch told.Name {
		case "reset":
			noted.reset()
			must(out.Encode(answer{Name: "reset"}))
		case "reach":
			noted.wait(told.Count, time.Duration(told.PatienceMs)*time.Millisecond)
			must(out.Encode(answer{Name: "arrived", Latencies: noted.all()}))
		default:
			must(fmt.Errorf("unknown order %q", told.Name))
		}
	}
}

func (a *arrivals) follow(responses clientv3.WatchChan, watching chan<- struct{}) {
	for response := range responses {
		must(response.Err())
		if response.Created {
			close(watching)
		}
		for _, event := range response.Events {
			a.note(event)
		}
	}
}

func (a *arrivals) note(event *clientv3.Event) {
	var value any
	must(json.Unmarshal(event.Kv.Value, &value))
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.content[string(event.Kv.Key)] = value
	if fields, ok := value.(map[string]any); ok {
		if writtenAt, ok := fields["writtenAt"].(float64); ok {
			a.latencies = append(a.latencies, sharedNow()-writtenAt)
		}
	}
}

func (a *arrivals) reset() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.latencies = nil
}

func (a *arrivals) all() []float64 {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return append([]float64{}, a.latencies...)
}

func (a *arrivals) count() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return len(a.latencies)
}

// wait ends as well when nothing has come for so long, after the first one: the others are lost.
func (a *arrivals) wait(count int, patience time.Duration) {
	before, since := 0, time.Now()
	for {
		now := a.count()
		if now >= count || (now > 0 && now == before && time.Since(since) >= patience) {
			return
		}
		if now != before {
			before, since = now, time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// sharedNow is the clock that all processes of the machine share, in milliseconds, as Node has it.
func sharedNow() float64 {
	var now unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	return float64(now.Nano()) / 1e6
}
