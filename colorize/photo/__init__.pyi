from .photo import Photo as Photo
from .reader import photo_size as photo_size
from .reader import read_image as read_image
from .reader import read_photo as read_photo
from .reader import read_photos as read_photos
from .writer import write_photo as write_photo
from .writer import write_photos as write_photos
