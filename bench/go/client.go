package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// How long a client waits before it loads again after its load failed.
const retryLoad = 100 * time.Millisecond

// client keeps a map equal to a prefix: it loads by Get, follows by Watch from the next revision on, and loads again where the server
// has compacted what it missed. Everything else is up to clientv3, which resumes watches by itself.
type client struct {
	prefix string
	page   int64
	etcd   *clientv3.Client

	mutex    sync.Mutex
	content  map[string][]byte
	revision int64
	loads    int64
}

func newClient(endpoints []string, prefix string, page int64) *client {
	// Without a logger of its own, clientv3 writes to the standard error.
	etcd, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	must(err)
	return &client{prefix: prefix, page: page, etcd: etcd}
}

// begin returns when the content is there and the server has confirmed the watch.
func (c *client) begin(ctx context.Context) {
	must(c.load(ctx))
	watching := make(chan struct{})
	go c.follow(ctx, watching)
	<-watching
}

func (c *client) follow(ctx context.Context, watching chan struct{}) {
	created := sync.OnceFunc(func() { close(watching) })
	for {
		options := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithRev(c.at() + 1), clientv3.WithCreatedNotify()}
		// The channel ends with a response that has an error: the server has compacted the next revision.
		for response := range c.etcd.Watch(ctx, c.prefix, options...) {
			if response.Created {
				created()
			}
			c.apply(response.Events)
		}
		for c.load(ctx) != nil {
			time.Sleep(retryLoad)
		}
	}
}

// load reads everything at one revision, by one Get or by pages.
func (c *client) load(ctx context.Context) error {
	content := map[string][]byte{}
	revision := int64(0)
	from, end := c.prefix, clientv3.GetPrefixRangeEnd(c.prefix)
	for more := true; more; {
		response, err := c.etcd.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(c.page), clientv3.WithRev(revision))
		if err != nil {
			return err
		}
		for _, kv := range response.Kvs {
			content[string(kv.Key)] = kv.Value
			from = string(kv.Key) + "\x00"
		}
		if revision == 0 {
			revision = response.Header.Revision
		}
		more = response.More
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.content, c.revision = content, revision
	c.loads++
	return nil
}

func (c *client) apply(events []*clientv3.Event) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, event := range events {
		if event.Type == clientv3.EventTypeDelete {
			delete(c.content, string(event.Kv.Key))
		} else {
			c.content[string(event.Kv.Key)] = event.Kv.Value
		}
		c.revision = event.Kv.ModRevision
	}
}

func (c *client) at() int64 {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.revision
}

func (c *client) isAt(revision int64) bool { return c.at() >= revision }

// reloads counts the loads after the first one.
func (c *client) reloads() int64 {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.loads - 1
}

func (c *client) digest() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return digestOf(c.content)
}

// digestOf is that of bench/src/data/digest.ts.
func digestOf(content map[string][]byte) string {
	hash := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(content)) {
		hash.Write([]byte(key))
		hash.Write([]byte{0})
		hash.Write(content[key])
		hash.Write([]byte{'\n'})
	}
	return fmt.Sprintf("%d:%s", len(content), hex.EncodeToString(hash.Sum(nil))[:32])
}
