#!/bin/sh
# Makes the certificates of the TLS tests: `sh test/tls/certificates/make.sh`. Needs openssl.
# They are valid from 2020 to 2120 (expired.pem for one day of 2020), their keys are public, and nothing but the tests may trust them.
#
#   ca                signs all but those of `stranger`; its key is thrown away
#   server            localhost, 127.0.0.1, ::1
#   second            second.test, *.wild.test
#   expired           localhost, of 2020
#   client            a client
#   stranger          another authority; stranger-client is a client signed by it
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
from=20200101000000Z
to=21200101000000Z

cat > "$work/ca.conf" << CONF
[ca]
default_ca = it
[it]
database = $work/index.txt
serial = $work/serial
new_certs_dir = $work
unique_subject = no
policy = any
[any]
commonName = supplied
CONF
: > "$work/index.txt"
echo 1000 > "$work/serial"

# request FOLDER NAME SUBJECT
request() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1/$2-key.pem"
  openssl req -new -key "$1/$2-key.pem" -subj "/CN=$3" -out "$work/$2.csr"
}

# sign NAME EXTENSIONS TO ARGUMENTS...
sign() {
  name=$1
  printf '%b\n' "$2" > "$work/$name.ext"
  end=$3
  shift 3
  openssl ca -batch -notext -config "$work/ca.conf" -md sha256 -startdate $from -enddate "$end" \
    -in "$work/$name.csr" -extfile "$work/$name.ext" -out "$name.pem" "$@" 2> "$work/log" || { cat "$work/log"; exit 1; }
}

# authority NAME
authority() {
  request "$work" "$1" "Coppice test authority $1"
  sign "$1" "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash" $to \
    -selfsign -keyfile "$work/$1-key.pem"
}

# certificate NAME AUTHORITY EXTENSION [TO]
certificate() {
  request . "$1" "$1"
  sign "$1" "basicConstraints=CA:FALSE\n$3" "${4:-$to}" -cert "$2.pem" -keyfile "$work/$2-key.pem"
}

authority ca
authority stranger
certificate server ca "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
certificate second ca "subjectAltName=DNS:second.test,DNS:*.wild.test"
certificate expired ca "subjectAltName=DNS:localhost,IP:127.0.0.1" 20200102000000Z
certificate client ca "extendedKeyUsage=clientAuth"
certificate stranger-client stranger "extendedKeyUsage=clientAuth"
chmod 644 ./*.pem
