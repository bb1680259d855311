package source

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// mysqlTLS is what go-sql-driver is told about TLS: one of its names, or a configuration.
type mysqlTLS struct {
	name   string
	config *tls.Config
}

// The names of go-sql-driver.
const (
	tlsOff       = "false"
	tlsPreferred = "preferred"   // if the server has it
	tlsRequired  = "skip-verify" // whatever the certificate
	tlsVerified  = "true"
)

// tlsModes are the values of tls, ssl-mode, sslmode and ssl as Node's libraries, hosting companies
// and MySQL's own clients write them, in lower case.
var tlsModes = map[string]string{
	"false": tlsOff, "0": tlsOff, "disabled": tlsOff, "disable": tlsOff,
	"preferred": tlsPreferred, "prefer": tlsPreferred,
	"required": tlsRequired, "require": tlsRequired, "skip-verify": tlsRequired, "no-verify": tlsRequired,
	"true": tlsVerified, "1": tlsVerified, "verify_ca": tlsVerified, "verify_identity": tlsVerified,
	"verify-ca": tlsVerified, "verify-full": tlsVerified,
}

// prismaModes are the values of Prisma's sslaccept.
var prismaModes = map[string]string{"strict": tlsVerified, "accept_invalid_certs": tlsRequired}

// translateMySQLTLS takes the parameters about TLS out of params. Without any, a server elsewhere
// is asked for TLS, as MySQL's own clients do. A relative path starts at dir.
func (t *target) translateMySQLTLS(params map[string]string, dir string, remote bool) (mysqlTLS, error) {
	security := mysqlTLS{name: tlsOff}
	if remote {
		security.name = tlsPreferred
	}
	if mode := prismaModes[params["sslaccept"]]; mode != "" && remote {
		delete(params, "sslaccept")
		security.name = mode
		t.note("sslaccept of dsn is treated as tls=" + mode)
	}
	for _, name := range []string{"ssl", "sslmode", "ssl-mode", "ssl_mode", "tls"} {
		value, ok := params[name]
		if !ok {
			continue
		}
		delete(params, name)
		mode, known := tlsModes[strings.ToLower(value)]
		switch {
		case known:
			security.name = mode
		case name == "ssl":
			security.name = jsonTLS(value)
		default:
			return security, misconfigured("it is true, skip-verify, preferred or false", "dsn in [source] has an unknown value of %s", name)
		}
		if name != "tls" {
			t.note(name + " of dsn is treated as tls=" + security.name)
		}
	}
	for _, name := range []string{"sslca", "ssl-ca", "ssl_ca", "sslcert"} {
		path, ok := params[name]
		if !ok {
			continue
		}
		delete(params, name)
		config, err := trusting(path, dir)
		if err != nil {
			return security, misconfigured("name a PEM file with the CA's certificate", "%s of dsn in [source]: %s", name, err)
		}
		security.name, security.config = tlsVerified, config
		t.note(name + " of dsn is used as the CA that must have issued the server's certificate")
	}
	return security, nil
}

// jsonTLS reads what mysql2 takes as ssl: an object, or the name of a profile.
func jsonTLS(value string) string {
	var options struct {
		RejectUnauthorized *bool `json:"rejectUnauthorized"`
	}
	if json.Unmarshal([]byte(value), &options) == nil && options.RejectUnauthorized != nil && !*options.RejectUnauthorized {
		return tlsRequired
	}
	return tlsVerified
}

// trusting trusts the authorities of a PEM file alone.
func trusting(path, dir string) (*tls.Config, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, &os.PathError{Op: "read", Path: path, Err: os.ErrInvalid}
	}
	return &tls.Config{RootCAs: roots}, nil
}
