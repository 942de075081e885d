// smtppool, the pool that listmonk sends with: a mail made for each reader, as many senders as connections.
// Its readers come in memory, their links as they are made.
package main

import (
	"encoding/json"
	"fmt"
	"html"
	"log"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/knadh/smtppool"
)

type job struct {
	Port, Count, Before, Connections int
	Subject, Base                    string
	Text, Html                       []string
}

func fill(parts []string, values map[string]string, escape func(string) string) []byte {
	var made strings.Builder
	for n, part := range parts {
		if n%2 == 1 {
			part = escape(values[part])
		}
		made.WriteString(part)
	}
	return []byte(made.String())
}

func (j job) mail(n int) smtppool.Email {
	address := fmt.Sprintf("reader%d@example.org", n)
	values := map[string]string{
		"name": fmt.Sprintf("Reader %d", n), "first_name": "Reader", "email": address,
		"unsubscribe_url": fmt.Sprintf("%s/u/%080x", j.Base, n), "preferences_url": fmt.Sprintf("%s/p/%080x", j.Base, n),
	}
	return smtppool.Email{
		From: "Bench <news@example.org>", To: []string{fmt.Sprintf("%s <%s>", values["name"], address)}, Subject: j.Subject,
		Text: fill(j.Text, values, func(value string) string { return value }), HTML: fill(j.Html, values, html.EscapeString),
		Headers: textproto.MIMEHeader{"List-Unsubscribe": {"<" + values["unsubscribe_url"] + ">"}},
	}
}

func (j job) send(pool *smtppool.Pool, count int) {
	var next atomic.Int64
	var senders sync.WaitGroup
	for n := 0; n < j.Connections; n++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for n := int(next.Add(1)) - 1; n < count; n = int(next.Add(1)) - 1 {
				if err := pool.Send(j.mail(n)); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	senders.Wait()
}

func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

func main() {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		log.Fatal(err)
	}
	pool, err := smtppool.New(smtppool.Opt{
		Host: "127.0.0.1", Port: j.Port, MaxConns: j.Connections, IdleTimeout: 10 * time.Second, PoolWaitTimeout: 10 * time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	j.send(pool, j.Before)
	before, begun := cpu(), time.Now()
	j.send(pool, j.Count)
	fmt.Printf("{\"seconds\": %f, \"cpu\": %f}\n", time.Since(begun).Seconds(), cpu()-before)
}
