"""Reads the cells of a page's tables."""

from html.parser import HTMLParser


def cells_of(text):
    """The texts of all table cells, in their order."""

    class Cells(HTMLParser):
        found = ()
        within = False

        def handle_starttag(self, tag, attributes):
            self.within = tag == "td"

        def handle_data(self, data):
            if self.within:
                self.found = (*self.found, data)

        def handle_endtag(self, tag):
            self.within = False

    parser = Cells()
    parser.feed(text)
    return parser.found
