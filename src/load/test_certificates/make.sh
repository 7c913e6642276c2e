#!/bin/sh
# Makes the two authorities and the certificates of the tests anew, valid from 2020 until 2120. The keys protect nothing.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat >"$work/config" <<END
[ca]
default_ca = tests
[tests]
new_certs_dir = $work
database = $work/index
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = test
[authority]
basicConstraints = critical,CA:TRUE
[site]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:site
END
request() { # subject, key, request
    openssl req -new -config "$work/config" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$2" -out "$3"
}
sign() {
    openssl ca -batch -notext -config "$work/config" -startdate 20200101000000Z -enddate 21200101000000Z "$@"
}
for name in own other; do
    : >"$work/index"
    request "$name-authority" "$work/ca.key" "$work/ca.csr"
    sign -selfsign -keyfile "$work/ca.key" -extensions authority -in "$work/ca.csr" -out "$name-ca.pem"
    request site "$name-site.key" "$work/site.csr"
    sign -cert "$name-ca.pem" -keyfile "$work/ca.key" -extensions site -in "$work/site.csr" -out "$name-site.pem"
done
