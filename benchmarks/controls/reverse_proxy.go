// What Go's standard library makes of it: the model read out of the body, one upstream for all, every chunk flushed.
//
//	reverse_proxy UPSTREAM_PORT      (its own port, any free one, is printed)
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

func main() {
	upstream, err := url.Parse("http://127.0.0.1:" + os.Args[1])
	if err != nil {
		panic(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 1024
	proxies := map[string]*httputil.ReverseProxy{"bench": {
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.SetXForwarded() },
		Transport:     transport,
		FlushInterval: -1,
	}}
	handler := func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Model string `json:"model"`
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &asked) != nil || proxies[asked.Model] == nil {
			http.Error(w, "no such model", http.StatusNotFound)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxies[asked.Model].ServeHTTP(w, r)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(handler)))
}
