"""django-newsletter: its models in SQLite, ``submit_queue()`` as its cron job calls it, Django's SMTP backend.

A connection is opened for each mail: it passes none to ``send()``, so Django's way to keep one is out of reach.
"""

import json
import logging
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

FIELDS = {
    "name": "{{ subscription.name }}", "first_name": "{{ subscription.name }}",
    "unsubscribe_url": "{{ site_url }}{{ subscription.unsubscribe_activate_url }}",
    "preferences_url": "{{ site_url }}{{ subscription.update_activate_url }}",
}  # fmt: skip


def configure(job: dict) -> None:
    """Django as its manual sets it up, with templates cached, as they are by default."""
    folder = Path(job["folder"])
    templates = folder / "templates" / "newsletter" / "message"
    templates.mkdir(parents=True)
    for name, parts in (("message.html", job["html"]), ("message.txt", job["text"])):
        (templates / name).write_text("".join(FIELDS[part] if n % 2 else part for n, part in enumerate(parts)))
    (templates / "message_subject.txt").write_text("{{ message.title }}")
    settings.configure(
        SECRET_KEY="bench", USE_TZ=True, SITE_ID=1, ROOT_URLCONF="newsletter.urls", ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}},
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sites", "django.contrib.admin",
            "django.contrib.messages", "django.contrib.sessions", "sorl.thumbnail", "newsletter",
        ],
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [str(folder / "templates")],
             "APP_DIRS": True, "OPTIONS": {}},
        ],
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=job["port"],
        NEWSLETTER_THUMBNAIL="sorl-thumbnail", NEWSLETTER_USE_HTTPS=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )  # fmt: skip
    django.setup()


def prepare(job: dict):
    """A newsletter of a site with its subscriptions."""
    from django.contrib.sites.models import Site
    from newsletter.models import Newsletter, Subscription

    call_command("migrate", verbosity=0)
    site = Site.objects.get_current()
    site.domain = job["base"].partition("://")[2]
    site.save()
    newsletter = Newsletter.objects.create(title="Digest", slug="digest", email="news@example.org", sender="Bench")
    newsletter.site.add(site)
    Subscription.objects.bulk_create(
        Subscription(
            newsletter=newsletter, name_field=f"Reader {n}", email_field=f"reader{n}@example.org", subscribed=True,
            activation_code=f"{n:040x}",
        )
        for n in range(job["count"])
    )  # fmt: skip
    return newsletter


def submit(newsletter, subject: str, most: int | None = None) -> dict[str, float]:
    """A message that waits, as the admin's form leaves it, sent as its cron job does; how long that took."""
    from newsletter.models import Article, Message, Submission

    slug = f"digest-{Message.objects.count()}"
    message = Message.objects.create(title=subject, slug=slug, newsletter=newsletter)
    Article.objects.create(post=message, title="One", text="One")
    submission = Submission.from_message(message)
    if most is not None:
        submission.subscriptions.set(submission.subscriptions.all()[:most])
    submission.publish_date = timezone.now() - timedelta(minutes=1)
    submission.prepared = True
    submission.save()
    before, begun = _cpu(), time.perf_counter()
    Submission.submit_queue()
    return {"seconds": time.perf_counter() - begun, "cpu": _cpu() - before}


class Failing(logging.Handler):
    """It goes on after a mail that failed and only logs it."""

    def emit(self, record: logging.LogRecord) -> None:
        """End here instead."""
        if record.levelno >= logging.ERROR:
            print(record.getMessage(), file=sys.stderr)
            raise SystemExit(1)


def main() -> None:
    """Send to a few, then to all, and say how long that took."""
    job = json.load(sys.stdin)
    configure(job)
    newsletter = prepare(job)
    logging.getLogger().addHandler(Failing())
    submit(newsletter, job["subject"], job["before"])
    print(json.dumps(submit(newsletter, job["subject"])))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
