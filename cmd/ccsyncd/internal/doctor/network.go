package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"

	"ccsyncd/internal/kit"
)

// networkHint is the hint for an error of the network: a name that cannot be resolved, a
// certificate that is not trusted, a server that does not answer. "" for any other error.
func networkHint(err error) string {
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return "this machine cannot resolve " + name.Name + "; check its DNS server and [endpoints]"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "no known authority issued the certificate; a proxy may have replaced it. Add its CA to this machine, or name the CA's file in $SSL_CERT_FILE"
	case errors.As(err, new(x509.CertificateInvalidError)):
		return "the certificate has expired or is not valid yet; check the clock of this machine and any proxy"
	case errors.As(err, new(x509.HostnameError)), errors.As(err, new(*tls.CertificateVerificationError)):
		return "the certificate is for another host; check [endpoints], DNS and any proxy"
	case kit.IsNetwork(err):
		return "check the network, the firewall and any proxy ($HTTPS_PROXY)"
	}
	return ""
}
