// An API on net/http that takes Latchkey's access tokens, verified with go-oidc.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	issuer := os.Getenv("ISSUER")
	provider, err := oidc.NewProvider(context.Background(), issuer) // finds the keys, caches them, reads again for a new key
	if err != nil {
		log.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: os.Getenv("AUDIENCE"), SupportedSigningAlgs: []string{"RS256"}})

	// Verifying asks nobody, so it does not see a sign-out. With alive, Latchkey is asked whether the session is alive.
	api := func(alive bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			token, err := verifier.Verify(r.Context(), bearer)
			if err != nil || alive && !active(issuer, bearer) {
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			json.NewEncoder(w).Encode(map[string]string{"user": token.Subject})
		}
	}
	http.HandleFunc("/hello", api(false))
	http.HandleFunc("/pay", api(true))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func active(issuer, token string) bool {
	answer, err := http.PostForm(issuer+"/auth/v1/token/introspect", url.Values{"token": {token}})
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var said struct{ Active bool }
	return json.NewDecoder(answer.Body).Decode(&said) == nil && said.Active
}
