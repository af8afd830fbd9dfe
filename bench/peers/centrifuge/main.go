// A room of Centrifuge for bench/fan-out: every client is subscribed by the server when it connects.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/centrifugal/centrifuge"
)

type invitation struct {
	Port   int      `json:"port"`
	Path   string   `json:"path"`
	Send   []string `json:"send"`
	Joined string   `json:"joined"`
}

// Arguments: the message, and for how many milliseconds a client's writer collects (0: not at all).
func main() {
	message, err := json.Marshal(os.Args[1])
	exitOn(err)
	delay, err := strconv.Atoi(os.Args[2])
	exitOn(err)

	node, err := centrifuge.New(centrifuge.Config{})
	exitOn(err)
	noPings := centrifuge.PingPongConfig{PingInterval: -1, PongTimeout: -1}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:        &centrifuge.Credentials{UserID: ""},
			Subscriptions:      map[string]centrifuge.SubscribeOptions{"room": {}},
			WriteDelay:         time.Duration(delay) * time.Millisecond,
			MaxMessagesInFrame: -1,
			QueueInitialCap:    16,
		}, nil
	})
	exitOn(node.Run())

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	exitOn(err)
	mux := http.NewServeMux()
	mux.Handle("/", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{UseWriteBufferPool: true, PingPongConfig: noPings}))
	go func() { exitOn(http.Serve(listener, mux)) }()

	exitOn(json.NewEncoder(os.Stdout).Encode(invitation{
		Port:   listener.Addr().(*net.TCPAddr).Port,
		Path:   "/",
		Send:   []string{`{"id":1,"connect":{}}`},
		Joined: `"connect":{`,
	}))
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		count, err := strconv.Atoi(lines.Text())
		exitOn(err)
		for range count {
			_, err := node.Publish("room", message)
			exitOn(err)
		}
	}
}

func exitOn(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
