"""What is looked for before anything is sent: in mails, in what editors write, in the templates of a site."""
