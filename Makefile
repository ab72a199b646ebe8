# Thin names over the npm scripts, for people who know Mirage:
#
#   make site
#   make configure.socket build
#   make configure.direct build
#   make configure.static build ADDR=46.43.42.137 GWS=46.43.42.129 MASK=255.255.255.128
#   make configure.vm build ADDR=46.43.42.137 GWS=46.43.42.129 MASK=255.255.255.128     (without ADDR: DHCP)
#
# "configure.…" remembers the target in .target, "build" makes images/<id>/ of it.

.PHONY: all site configure.socket configure.direct configure.static configure.vm configure.xen build test clean

all: build

site:
	npm run -s site

configure.socket:
	@scripts/configure.sh socket

configure.direct:
	@scripts/configure.sh direct

configure.static:
	@ADDR='$(ADDR)' GWS='$(GWS)' MASK='$(MASK)' scripts/configure.sh static

# A machine image; by the name that it has with Mirage, too.
configure.vm configure.xen:
	@ADDR='$(ADDR)' GWS='$(GWS)' MASK='$(MASK)' scripts/configure.sh vm

build:
	npm run -s image

test:
	npm test

clean:
	rm -rf dist build images .target
