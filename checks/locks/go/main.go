// A holder of a lock, or the leader of an election, by etcd's own concurrency package.
//
// It prints "held" when it holds, and gives up when its standard input ends; then it prints "released".
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

func main() {
	endpoints := flag.String("endpoints", "", "URLs of the servers, with commas")
	name := flag.String("name", "", "the name of the lock or the election")
	elect := flag.Bool("elect", false, "campaign, instead of locking")
	flag.Parse()
	if err := run(strings.Split(*endpoints, ","), *name, *elect); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(endpoints []string, name string, elect bool) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints})
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := concurrency.NewSession(client)
	if err != nil {
		return err
	}
	defer session.Close()
	ctx := context.Background()
	release, err := hold(ctx, session, name, elect)
	if err != nil {
		return err
	}
	fmt.Println("held")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if err := release(ctx); err != nil {
		return err
	}
	fmt.Println("released")
	return nil
}

func hold(ctx context.Context, session *concurrency.Session, name string, elect bool) (func(context.Context) error, error) {
	if elect {
		election := concurrency.NewElection(session, name)
		return election.Resign, election.Campaign(ctx, "go")
	}
	mutex := concurrency.NewMutex(session, name)
	return mutex.Unlock, mutex.Lock(ctx)
}
