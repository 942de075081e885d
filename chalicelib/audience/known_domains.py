"""What people mean when they mistype a domain, and what is nobody's own address. Chosen by hand, in 2026."""

_PROVIDERS = """
gmail.com googlemail.com hotmail.com hotmail.de hotmail.fr hotmail.co.uk outlook.com outlook.de outlook.fr live.com
yahoo.com yahoo.de yahoo.fr yahoo.co.uk yahoo.co.in icloud.com proton.me protonmail.com aol.com fastmail.com
gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de freenet.de arcor.de posteo.de mailbox.org tutanota.com
vodafone.de orange.fr wanadoo.fr laposte.net free.fr libero.it bluewin.ch hotmail.it comcast.net verizon.net
btinternet.com mail.ru yandex.ru seznam.cz telenet.be ziggo.nl riseup.net systemli.org disroot.org
"""
_EXISTING = """
mail.com email.com ymail.com rocketmail.com me.com mac.com msn.com live.de live.fr live.co.uk live.nl gmx.eu gmx.fr
gmx.us gmx.info gmx.org tuta.com tuta.io tutamail.com pm.me posteo.net posteo.eu posteo.org posteo.at posteo.ch
mailbox.de hey.com zoho.com yandex.com ya.ru bk.ru list.ru inbox.ru inbox.lv hotmail.es hotmail.nl outlook.es
outlook.it outlook.at yahoo.es yahoo.it yahoo.ca yahoo.in yahoo.com.br yahoo.co.jp aol.de aim.com t-online.com
free.de free.net fastmail.fm duck.com mozmail.com simplelogin.com mailo.com mail.de web.com yahoo.se protonmail.ch
"""
_ROLES = """
info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp
admin administrator root mailerdaemon noreply donotreply office contact kontakt billing accounts help helpdesk jobs
press presse privacy datenschutz newsletter list listserv majordomo team sysadmin dns service
"""

PROVIDERS = frozenset(_PROVIDERS.split())
"""Mail providers whose names are often typed by hand: what a slip may have meant."""

KNOWN = PROVIDERS | frozenset(_EXISTING.split())
"""These, and those near them that exist: nobody who typed them meant another."""

ENDINGS = {
    "con": "com", "cmo": "com", "ocm": "com", "vom": "com", "xom": "com", "comm": "com", "coom": "com", "cim": "com",
    "ogr": "org", "orgg": "org", "rog": "org", "ent": "net", "nett": "net", "nte": "net", "dee": "de", "ded": "de",
}  # fmt: skip
"""Endings that no domain has, and what was meant."""

ROLES = frozenset(_ROLES.split())
"""RFC 2142's names in the first line; then what is usual besides. Hyphens, dots and underscores are taken out."""
